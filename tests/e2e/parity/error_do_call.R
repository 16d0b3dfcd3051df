# an error below do.call, Reduce and eval
h <- function(...) stop("reached")
step <- function(a, b) do.call(h, list(a, b))
wrapper <- function() eval(quote(Reduce(step, 1:3)))
wrapper()
