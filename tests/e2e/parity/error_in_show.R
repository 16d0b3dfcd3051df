# an error in an S4 show method
setClass("Broken", representation(x = "numeric"))
setMethod("show", "Broken", function(object) stop("cannot show"))
new("Broken", x = 1)
