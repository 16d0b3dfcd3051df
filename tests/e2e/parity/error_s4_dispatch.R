# S4 and S3 dispatch without a method
setGeneric("area", function(shape) standardGeneric("area"))
try(area(1))
try(new("NoSuchClass"))
speak <- function(x) UseMethod("speak")
try(speak(1))
hear <- function(x) UseMethod("hear")
hear(1)
