# a number where none may stand, at the very first line
a 1
