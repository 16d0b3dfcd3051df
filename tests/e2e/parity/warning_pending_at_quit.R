# a warning pending when the script quits
f <- function() {
  warning("left behind")
  quit(status = 4)
}
f()
