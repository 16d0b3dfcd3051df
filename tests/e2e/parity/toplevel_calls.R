# sys.call, sys.function and sys.nframe seen from the top level
sys.nframe()
sys.calls()
sys.parents()
sys.frames()
f <- function(...) {
  print(sys.nframe())
  print(sys.call())
  sys.calls()
}
f()
g <- function(...) f(...)
g(1)
h <- function(n) if (n == 0) sys.nframe() else Recall(n - 1)
h(3)
(function() parent.frame())()
local(sys.nframe())
match.call(lm, quote(lm(y ~ x, d)))
k <- function(x) {
  environmentName(parent.frame())
}
k()
sys.on.exit()
nargs_of <- function(...) nargs()
nargs_of(1, 2)
