# values that are invisible, and values made visible again
invisible(1)
(invisible(2))
x <- 3
(x <- 4)
f <- function() invisible(5)
f()
f() + 1
y <- f()
g <- function() return(invisible(6))
g()
if (FALSE) 7
for (i in 1:2) i
NULL
assign("z", 8)
library(stats)
suppressWarnings(9)
suppressWarnings(invisible(10))
withVisible(invisible(11))$visible
identity(invisible(12))
eval(quote(invisible(13)))
switch("b", a = 1)
repeat break
