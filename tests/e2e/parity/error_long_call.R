# a long call, which breaks the line after the colon
a_rather_long_function_name <- function(first_argument, second_argument) stop("it did not work out")
a_rather_long_function_name(first_argument = "something long", second_argument = c(1, 2, 3, 4, 5))
