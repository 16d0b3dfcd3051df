# several deferred warnings, and the same one twice
f <- function() {
  warning("first")
  warning("second")
  warning("first")
  "value"
}
f()
for (i in 1:3) warning("number ", i)
g <- function() {
  as.integer("a")
  sqrt(-1)
  log(-1)
}
g()
print(warnings())
