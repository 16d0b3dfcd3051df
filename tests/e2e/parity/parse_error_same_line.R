# good expressions on the line of the parse error
cat("a\n")
cat("b\n"); cat("c\n"); d e
