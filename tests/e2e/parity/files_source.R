# source of another file, with echo and values
writeLines(c("# a comment", "x <- 1", "x + 1", "f <- function(a) {", "  a", "}", "f('text')", "invisible(3)"), "other.R")
source("other.R")
x
source("other.R", echo = TRUE)
source("other.R", print.eval = TRUE)
r <- source("other.R")
r
sys.source("other.R", new.env())
source(textConnection("y <- 5; y"), echo = TRUE)
source(exprs = quote({
  7
  8
}), print.eval = TRUE)
local(source("other.R", local = TRUE))
