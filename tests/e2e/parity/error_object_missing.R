# an object that does not exist
cat("before\n")
x <- no_such_thing + 1
cat("never\n")
