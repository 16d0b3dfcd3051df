# errors in complex and replacement calls
x <- list(a = 1)
try(x$a$b$c <- stop("assigned"))
try(names(x) <- 1:5)
try(x[[1:3]] <- 2)
try(levels(x) <- stop("levels"))
try(attr(x, "dim") <- 7)
try(dim(x) <- 7)
`second<-` <- function(x, value) stop("no second<-")
y <- 1:3
second(y) <- 4L
