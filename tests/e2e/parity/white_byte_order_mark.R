# a byte order mark at the start of the script
cat("after the mark\n")
1 + 1
