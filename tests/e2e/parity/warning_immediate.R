# warnings shown at once with warn = 1
options(warn = 1)
f <- function(x) {
  cat("before\n")
  warning("now")
  cat("after\n")
  invisible(x)
}
f(1)
warning("top")
as.integer("x")
warning("immediate", immediate. = TRUE)
options(warn = 0)
warning("immediate too", immediate. = TRUE)
cat("end\n")
