# an error in a print method while autoprinting
print.broken <- function(x, ...) {
  cat("half of the out")
  stop("cannot print this")
}
cat("before\n")
structure(1, class = "broken")
