# a block whose last line does not parse
{
  cat("this block never runs\n")
  x <- 1 1
}
