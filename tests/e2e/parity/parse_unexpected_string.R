# a string where none may stand
x <- 5 "text"
