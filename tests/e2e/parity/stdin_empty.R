# an empty standard input
readLines(file("stdin"))
scan(file("stdin"))
try(read.csv(file("stdin")))
con <- file("stdin", "r")
readLines(con, 1)
isIncomplete(con)
close(con)
