# a name that starts with an underscore
"first"
_x <- 1
