# an error inside an error handler and inside on.exit
f <- function() {
  on.exit(stop("from on.exit"))
  stop("from the body")
}
f()
