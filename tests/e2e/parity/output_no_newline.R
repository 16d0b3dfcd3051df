# cat without a final newline
cat("first part ")
cat("second part", "\n", sep = "")
1
cat("no newline before an autoprint")
2
cat("no newline at the end")
