# a backtick that is never closed
"first"
x <- `name
y
