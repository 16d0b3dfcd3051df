# S3 classes with their own print, format and summary
print.temperature <- function(x, ...) cat("<", unclass(x), "degrees >\n")
format.money <- function(x, ...) paste0("$", unclass(x))
print.money <- function(x, ...) print(format(x), quote = FALSE)
structure(20, class = "temperature")
structure(c(1, 2.5), class = "money")
list(structure(20, class = "temperature"), 1)
toString.temperature <- function(x, ...) "warm"
toString(structure(1, class = "temperature"))
summary.temperature <- function(object, ...) structure(list(mean = 3), class = "summary.temperature")
print.summary.temperature <- function(x, ...) cat("mean", x$mean, "\n")
summary(structure(20, class = "temperature"))
invisible(structure(20, class = "temperature"))
x <- structure(20, class = "temperature")
x
x + 1
