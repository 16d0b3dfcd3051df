# quit before a parse error
cat("first\n")
quit(status = 6)
x <- )
