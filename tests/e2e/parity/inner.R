cat('in the file\n')
f <- function() stop('from the file')
f()
cat('never\n')
