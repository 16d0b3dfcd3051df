# a stray parenthesis after a semicolon on the same line
1; 2; 3)
cat("never\n")
