# message, packageStartupMessage and stderr
message("to standard error")
message("parts ", 1, " and ", TRUE)
message("no newline", appendLF = FALSE)
message("")
packageStartupMessage("starting up")
suppressMessages(message("quiet"))
cat("to stderr by cat\n", file = stderr())
write("written", stderr())
f <- function() {
  message("from f")
  invisible(1)
}
f()
tryCatch(message("caught"), message = function(m) cat("class", class(m), "\n"))
withCallingHandlers(message("seen"), message = function(m) {
  cat("handler\n")
  invokeRestart("muffleMessage")
})
print("x", file = stderr())
.makeMessage("a", 1)
simpleMessage("a condition")
