# stopifnot, with and without names
stopifnot(TRUE, 1 == 1)
f <- function(x) {
  stopifnot("x must be positive" = x > 0, is.numeric(x))
  x
}
f(1)
try(f(-1))
try(stopifnot(all.equal(pi, 3.14)))
try(stopifnot(c(TRUE, FALSE, TRUE)))
g <- function(x) f(x)
g("a" == "b")
