# an error after more than ten warnings
for (i in 1:20) {
  warning("number ", i)
  if (i == 15) stop("enough")
}
