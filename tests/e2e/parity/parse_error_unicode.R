# a parse error in a line with wide characters
cat("first\n")
x <- "日本語" "é"
