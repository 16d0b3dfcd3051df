# a call that is never closed
1 + 1
sum(1,
  2,
