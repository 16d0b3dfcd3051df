# an error while messages go elsewhere
messages <- file("messages.txt", "w")
sink(messages, type = "message")
message("hidden")
f <- function() stop("hidden error")
f()
