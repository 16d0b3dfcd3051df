# readLines(file("stdin")) with input
lines <- readLines(file("stdin"))
length(lines)
lines
toupper(lines)
