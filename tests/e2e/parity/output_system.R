# system with output on both streams
system("echo x; echo y >&2")
cat("between\n")
system("echo last line without newline | tr -d '\\n'")
cat("\n")
status <- system("exit 3")
status
system("exit 4")
system2("echo", c("from", "system2"))
system2("sh", c("-c", shQuote("echo err >&2; exit 2")))
system("true", intern = TRUE)
system("kill -9 $$")
