# options(error = quote(quit(status = 7)))
options(error = quote(quit(status = 7)))
f <- function() stop("leaves with seven")
f()
