# unicode identifiers
größe <- 3
größe * 2
名前 <- function(引数) 引数 + 1
名前(1)
`with space` <- 5
`with space`
ls()
list(é = 1, `日 本` = 2)
名前("x")
