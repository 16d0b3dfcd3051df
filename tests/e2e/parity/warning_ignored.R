# warnings ignored with warn = -1 and muffled ones
options(warn = -1)
as.integer("x")
options(warn = 0)
suppressWarnings({
  warning("quiet")
  "value"
})
withCallingHandlers({
  warning("seen")
  "after"
}, warning = function(w) {
  cat("handler:", conditionMessage(w), "\n")
  invokeRestart("muffleWarning")
})
tryCatch(warning("caught"), warning = function(w) print(w))
tryCatch(as.integer("x"), warning = function(w) print(conditionCall(w)))
