# a character that is no token
cat("first\n")
y <- 2 @@ 3
cat("never\n")
