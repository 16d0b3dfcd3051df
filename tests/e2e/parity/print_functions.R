# functions printed without source references
f <- function(x, ...) {
  # this comment is gone when the source is not kept
  x   +   1
}
f
function(a = 1, b) if (a) b else -b
(\(x) x^2)
sum
compose <- function(g) function(x) g(x)
body(f)
formals(f)
args(sapply)
