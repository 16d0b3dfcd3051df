# an error in one function
f <- function(x) stop("bad value: ", x)
f(3)
