# a warning before a parse error
warning("pending")
as.integer("x")
x <- ]
