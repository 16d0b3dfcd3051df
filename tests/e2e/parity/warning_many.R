# more than ten and more than fifty deferred warnings
for (i in 1:12) warning("number ", i)
cat("between\n")
for (i in 1:60) warning("number ", i)
summary(warnings())
length(warnings())
print(warnings()[1:2])
f <- function() for (i in 1:10) warning("exactly ten ", i)
f()
