# scan(file("stdin")) with input, in pieces
con <- file("stdin", "r")
header <- readLines(con, n = 1)
header
x <- scan(con, nlines = 1)
x
sum(scan(con, quiet = TRUE))
readLines(con)
close(con)
