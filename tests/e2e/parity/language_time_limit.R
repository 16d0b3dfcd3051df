# a limit the script sets for itself
f <- function() {
  setTimeLimit(elapsed = 0.2, transient = TRUE)
  repeat NULL
}
r <- try(f(), silent = TRUE)
cat(conditionMessage(attr(r, "condition")), "\n")
setSessionTimeLimit(elapsed = Inf)
tryCatch(f(), error = function(e) cat("caught\n"))
1 + 1
