# a function that does not exist, deep inside
f <- function() no_such_function(1)
g <- function() suppressWarnings(f())
g()
