# complex numbers, big numbers and digits
1i
complex(real = 1:3, imaginary = -1)
sqrt(as.complex(-1))
polyroot(c(6, -5, 1))
Mod(3 + 4i)
2^53 + 0:2
.Machine$integer.max + 1L
options(digits = 3)
pi
c(pi, 1e10)
options(digits = 15)
pi
options(OutDec = ",")
1.5
format(1.5)
print(1.5, digits = 2)
options(scipen = 10)
1e10
1e-7
