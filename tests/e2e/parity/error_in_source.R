# an error in a file that is sourced
writeLines(c("cat('in the file\\n')", "f <- function() stop('from the file')", "f()", "cat('never\\n')"), "inner.R")
source("inner.R")
