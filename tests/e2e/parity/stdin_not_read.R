# an input nobody reads
cat("not interested\n")
