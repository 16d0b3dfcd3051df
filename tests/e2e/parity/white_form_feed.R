# form feeds between lines
cat("before the form feed\n")

cat("after it\n")
1 + 1
