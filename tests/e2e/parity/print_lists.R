# lists, nested and named
list(1, "a", TRUE)
list(a = 1, b = list(c = 2, d = list(3, e = "x")))
list()
list(NULL, list())
str(list(a = 1:3, b = "x", c = list(d = NULL)))
pairlist(a = 1, 2)
as.list(1:2)
structure(list(x = 1), class = "unknown_class")
