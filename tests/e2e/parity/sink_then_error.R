# an error while a sink is open
f <- function() stop("seen all the same")
sink("out.txt")
print("hidden")
f()
