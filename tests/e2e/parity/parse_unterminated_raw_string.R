# a raw string and a backtick that never end
"first"
x <- r"---(never closed)--"
y <- 1
