# .Last and finalizers at the ordinary end of a script
.Last <- function() cat("never called at end of file\n")
reg.finalizer(globalenv(), function(e) cat("finalizer at exit\n"), onexit = TRUE)
cat("the end\n")
