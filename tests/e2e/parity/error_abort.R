# invokeRestart("abort")
f <- function() {
  on.exit(cat("leaving f\n"))
  invokeRestart("abort")
}
cat("before\n")
f()
cat("never\n")
