# .Last.value, also after invisible values and assignments
1 + 1
.Last.value
invisible("hidden")
.Last.value
x <- 10
.Last.value * 2
NULL
is.null(.Last.value)
f <- function() .Last.value
"for f"
f()
