# quit with .Last and a finalizer that runs on exit
.Last <- function() cat("this is .Last\n")
reg.finalizer(environment(), function(e) cat("finalizer\n"), onexit = TRUE)
cat("before\n")
q(status = 0)
