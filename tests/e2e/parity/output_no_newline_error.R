# cat without a newline before an error
cat("no newline here")
message("nor here", appendLF = FALSE)
stop("then this")
