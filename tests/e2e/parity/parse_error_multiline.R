# a parse error some lines into an expression that started well
value <- list(
  a = 1,
  b = 2
  c = 3
)
