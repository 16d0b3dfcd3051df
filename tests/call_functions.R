# What call_r_test.ts registers of its own.
keep <- function(anything) anything
size <- function(x, text = "") c(length(x), nchar(text))
