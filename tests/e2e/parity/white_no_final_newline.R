# no newline at the end of the script
cat("first\n")
1 + 1