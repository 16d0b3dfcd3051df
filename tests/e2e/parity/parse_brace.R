# a parse error after good lines
cat("runs first\n")
x <- 1
x
if (x) {
  y <- 2
}}
cat("never\n")
