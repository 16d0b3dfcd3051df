# infinite recursion stopped by the expressions limit
options(expressions = 500)
f <- function(n) f(n + 1)
r <- try(f(1), silent = TRUE)
cat(sub("\n.*", "", conditionMessage(attr(r, "condition"))), "\n")
f(1)
