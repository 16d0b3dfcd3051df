# q() in a function with on.exit
f <- function() {
  on.exit(cat("on.exit runs?\n"))
  q("no", 5)
}
g <- function() f()
cat("no final newline")
g()
