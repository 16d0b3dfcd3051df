# local, closures, Recall, switch and vectorised functions
local({
  a <- 1
  a + 1
})
exists("a")
counter <- function() {
  n <- 0
  function() {
    n <<- n + 1
    n
  }
}
tick <- counter()
tick()
tick()
factorial_of <- function(n) if (n <= 1) 1 else n * Recall(n - 1)
factorial_of(5)
switch("b", a = "first", b = , c = "falls through")
switch(4, "a")
is.null(switch("z", a = 1))
Vectorize(function(x, y) x + y)(1:3, 2)
ifelse(c(TRUE, NA, FALSE), "y", "n")
f <- function(x, ...) UseMethod("f")
f.default <- function(x, ...) "default"
f.special <- function(x, ...) c("special", NextMethod())
f(structure(1, class = "special"))
`%+%` <- function(a, b) paste0(a, b)
"a" %+% "b"
do.call("sum", list(1, 2, 3))
missing_arg <- function(x) missing(x)
missing_arg()
on.exit(cat("on.exit at the top level\n"))
Negate(is.null)(1)
nchar(c("one", "three"))
rapply(list(1, "a"), toupper, classes = "character", how = "replace")
delayedAssign("lazy", {
  cat("forced\n")
  42
})
lazy
lazy
makeActiveBinding("active", function() "computed", environment())
active
trace_me <- function() invisible("x")
(trace_me())
Sys.sleep(0)
mapply(function(a, b) paste(a, b), c(x = "p", y = "q"), c("r", "s"))
