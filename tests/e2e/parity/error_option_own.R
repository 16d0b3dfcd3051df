# options(error = ) of one's own, after which the script goes on
options(error = quote(cat("my handler\n")))
f <- function() stop("first")
f()
cat("still here\n")
g <- function() f()
g()
options(error = function() cat("a function this time:", geterrmessage()))
g()
1 + 1
no_such_object
cat("end\n")
