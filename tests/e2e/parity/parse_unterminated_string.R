# a string that never ends
cat("runs first\n")
x <- "no end
cat(1)
