# one deferred warning in a function and at the top level
f <- function(x) {
  warning("careful")
  x
}
f(1)
cat("after\n")
as.integer("x")
warning("from the top level")
1:3 + 1:2
warning("no call", call. = FALSE)
invisible(as.numeric("y"))
cat("end\n")
