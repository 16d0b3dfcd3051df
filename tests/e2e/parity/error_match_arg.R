# match.arg, missing arguments and unused ones
f <- function(type = c("one", "two")) {
  type <- match.arg(type)
  type
}
f()
try(f("three"))
g <- function(x) x + 1
try(g())
try(g(1, 2))
try(g(y = 2))
try(undefined_function(1))
try(undefined_variable)
try("a" + 1)
try(list(1)[[3]])
try(c(1)[[5]])
try(NULL$a$b)
try(mean())
try(if (NA) 1)
try(if (c(TRUE, FALSE)) 1)
try(library(no.such.package))
f("four")
