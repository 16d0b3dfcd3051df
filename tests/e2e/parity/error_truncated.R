# a message longer than R's own limit
f <- function() stop(strrep("0123456789", 2000))
f()
