# task callbacks run after top-level expressions
id <- addTaskCallback(function(expr, value, ok, visible) {
  cat("callback:", deparse(expr)[1], visible, "\n")
  TRUE
})
1 + 1
x <- 2
invisible(3)
f <- function() "done"
f()
removeTaskCallback(id)
4
