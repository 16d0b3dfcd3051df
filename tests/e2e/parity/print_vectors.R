# vectors of every basic type
1
1:10
c(1.5, NA, Inf, -Inf, NaN)
c(TRUE, FALSE, NA)
c("a", NA, "b\tc", "quote \" inside")
as.raw(0:20)
c(a = 1, b = 2)
character(0)
integer(0)
NULL
1e-300
1e5
100000L
123456789.123
c(0.1, 123456)
-1:3
