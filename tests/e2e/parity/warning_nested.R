# a warning several calls deep, and one in a print method
f <- function() g()
g <- function() h(1)
h <- function(x) {
  warning("deep")
  x
}
f()
sapply(1:2, h)
print.noisy <- function(x, ...) {
  warning("while printing")
  cat("noisy\n")
}
structure(1, class = "noisy")
do.call(h, list(2))
do.call("h", list(3))
eval(quote(warning("in eval")))
local(warning("in local"))
(function() warning("in an anonymous function"))()
