# matrices, arrays and matrix algebra
m <- matrix(c(2, 1, 1, 3), 2)
m
solve(m)
m %*% m
t(m)
det(m)
eigen(m)
svd(matrix(1:4, 2))$d
array(1:12, c(2, 3, 2))
matrix(1:40, 2)
matrix(c("a", "bb"), 1, dimnames = list("r", c("x", "y")))
diag(3)
crossprod(1:3)
outer(1:3, 1:3)
apply(m, 1, sum)
matrix(numeric(0), 0, 3)
solve(matrix(0, 2, 2))
