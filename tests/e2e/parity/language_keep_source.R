# functions printed with their source after options(keep.source = TRUE)
options(keep.source = TRUE)
f <- function(x) {
  # a comment that is kept
  x   +   1
}
f
function(a)   a
g <- eval(parse(text = "function(y)    y"))
g
