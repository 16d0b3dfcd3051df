# data frames, wide and empty ones too
data.frame(x = 1:3, y = c("a", NA, "c"))
head(mtcars)
data.frame()
mtcars[0, ]
summary(iris)
str(iris)
wide <- as.data.frame(matrix(1:60, 2))
wide
data.frame(a = c(1.123456, 22.1), row.names = c("first", "second"))
aggregate(mpg ~ cyl, mtcars, mean)
merge(data.frame(k = 1:3, a = 4:6), data.frame(k = c(1, 3), b = 7:8))
