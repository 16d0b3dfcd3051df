# errors with a short Calls line
options(showNCalls = 20)
fun_number_one <- function() fun_number_two()
fun_number_two <- function() fun_number_three()
fun_number_three <- function() fun_number_four()
fun_number_four <- function() stop("cut")
fun_number_one()
