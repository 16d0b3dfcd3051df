# an S4 validity error
setClass("Positive", representation(x = "numeric"),
  validity = function(object) if (any(object@x < 0)) c("x is negative", "and more") else TRUE)
new("Positive", x = 1)@x
tryCatch(new("Positive", x = -1), error = function(e) cat(conditionMessage(e), "\n"))
make <- function(v) new("Positive", x = v)
make(-1)
