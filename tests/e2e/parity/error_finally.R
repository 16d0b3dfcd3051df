# finally and on.exit output when an error is not caught
f <- function() {
  on.exit(cat("on.exit of f\n"))
  on.exit(message("second on.exit"), add = TRUE)
  tryCatch(stop("not caught"), finally = cat("finally runs\n"))
}
f()
