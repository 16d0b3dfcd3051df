# what loops and functions do not print, and what print() does
for (i in 1:3) {
  i
  print(i)
}
i <- 0
repeat {
  i <- i + 1
  if (i == 2) next
  if (i > 4) break
  cat("i is", i, "\n")
}
while (i > 3) i <- i - 1
i
sapply(1:3, function(k) k^2)
lapply(1:2, print)
Map(function(a, b) a + b, 1:2, 3:4)
Reduce(`+`, 1:4, accumulate = TRUE)
vapply(1:3, function(k) k / 2, 0)
do.call(rbind, list(1:2, 3:4))
mapply(rep, 1:3, 3:1)
