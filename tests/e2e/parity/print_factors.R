# factors and tables
f <- factor(c("lo", "hi", "lo", NA), levels = c("lo", "hi"))
f
levels(f)
table(f, useNA = "always")
ordered(c("a", "b"), levels = c("b", "a"))
factor(character(0))
table(mtcars$cyl, mtcars$gear)
xtabs(~ cyl + am, mtcars)
ftable(Titanic, row.vars = 1:2)
cut(0:10, 5)
summary(f)
