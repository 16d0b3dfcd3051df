# Asked by `rtool call --check`: for each function its arguments, or why there is none.

given <- commandArgs(TRUE)
if (given[[1L]] != "-") source(given[[1L]])
for (name in given[-1L]) {
  parts <- strsplit(name, "::", fixed = TRUE)[[1L]]
  found <- tryCatch(
    if (length(parts) == 2L) getExportedValue(parts[[1L]], parts[[2L]])
    else get(name, envir = globalenv(), mode = "function"),
    error = function(e) paste("", conditionMessage(e))
  )
  if (!is.function(found)) {
    if (!is.character(found)) found <- " it is no function"
    cat("\nrtool-problem", name, sub("\n.*", "", found), sep = "\t")
  } else {
    shown <- args(found)
    cat("\nrtool-formals", name, if (is.null(shown)) "..." else names(formals(shown)), sep = "\t")
  }
}
cat("\nrtool-end\n")
