# warnings from calls too long for one line
a_function_with_a_long_name <- function(argument_number_one, argument_number_two) {
  warning("the message of the warning is also rather long, so that the line must break")
}
a_function_with_a_long_name(argument_number_one = "a long value", argument_number_two = "another")
f <- function(...) warning("short")
f("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
f(1,
  2)
warning(strrep("long ", 40))
warning("two\nlines")
g <- function() warning("two\nlines in a function")
g()
options(warn = 1)
f("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
g()
