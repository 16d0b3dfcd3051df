# a long message of several lines
f <- function() stop("first line\nsecond line ", strrep("and on ", 30), "\nthird line")
f()
