# quit(status = 3) in the middle
cat("before\n")
quit(status = 3)
cat("never\n")
