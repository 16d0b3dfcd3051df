# names a user may rebind
c <- function(...) "my c"
c(1, 2)
rm(c)
T <- FALSE
T
cat <- function(...) base::cat("mine:", ...)
cat("x\n")
print <- function(x, ...) base::cat("my print\n")
1
print(1)
paste <- stop
x <- structure(1, class = "k")
print.k <- function(x, ...) base::cat("k\n")
x
`(` <- function(x) 42
(1)
`{` <- function(...) "brace"
{
  1
}
message <- function(...) base::cat("my message\n")
message("a")
stop <- function(...) base::cat("my stop\n")
stop("a")
flush <- writeLines <- file <- function(...) base::stop("rebound")
"still prints"
rm(list = ls())
ls()
