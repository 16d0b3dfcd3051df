# a comment
x <- 1
x + 1
f <- function(a) {
  a
}
f('text')
invisible(3)
