# output printed by C and Fortran code through R
optim(c(-1.2, 1), function(x) 100 * (x[2] - x[1]^2)^2 + (1 - x[1])^2, method = "BFGS",
  control = list(trace = 1))$convergence
set.seed(1)
x <- 1:10
y <- 2 * x + 3 + rep(c(-0.1, 0.1), 5)
nls(y ~ a * x + b, start = list(a = 1, b = 1), trace = TRUE)
nlm(function(x) sum((x - 1)^2), 0, print.level = 2)$code
optimize(function(x) (x - 1 / 3)^2, c(0, 1))$minimum
nlminb(c(1, 1), function(p) sum((p - 3)^2), control = list(trace = 1))$convergence
step(lm(mpg ~ wt + hp + qsec, mtcars), trace = 1)
cat("end\n")
