# warning options: length limits and partial matching
options(warning.length = 100)
warning(strrep("x", 300))
options(warning.length = 1000)
options(warnPartialMatchDollar = TRUE)
list(abc = 1)$a
options(warnPartialMatchArgs = TRUE)
f <- function(long_name) long_name
f(long = 2)
options(nwarnings = 50)
for (i in 1:70) warning(i)
length(warnings())
