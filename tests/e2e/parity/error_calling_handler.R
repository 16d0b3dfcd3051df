# a calling handler that reports, then an error nobody catches
g <- function() stop("unhandled")
withCallingHandlers(g(), error = function(e) {
  cat("seen:", conditionMessage(e), "\n")
  cat(length(sys.calls()) > 0, "\n")
})
