# long vectors that wrap over several lines
1:100
seq(0, 1, length.out = 37)
letters
setNames(1:26, letters)
rep(c(TRUE, NA), 50)
paste0("item number ", 1:15)
1:100 / 7
options(width = 40)
1:30
options(max.print = 20)
1:100
