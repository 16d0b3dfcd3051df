# an error in anonymous functions, lapply and do.call
outer_function <- function(v) lapply(v, function(x) if (x > 1) stop("no ", x) else x)
outer_function(1:3)
