# an extra comma and a missing operand
c(1, 2,)
x <- , 3
