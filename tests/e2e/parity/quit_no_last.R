# quit(runLast = FALSE) inside tryCatch
.Last <- function() cat("not run\n")
tryCatch({
  cat("leaving\n")
  quit("no", status = 12, runLast = FALSE)
}, finally = cat("finally?\n"))
