# S4 classes, generics and show methods
setClass("Person", representation(name = "character", age = "numeric"))
p <- new("Person", name = "Ada", age = 36)
p
isVirtualClass("Person")
setGeneric("greet", function(object, ...) standardGeneric("greet"))
setMethod("greet", "Person", function(object, ...) cat("Hello,", object@name, "\n"))
greet(p)
setMethod("show", "Person", function(object) cat("<Person ", object@name, ">\n", sep = ""))
p
list(p, 2)
setClass("Student", contains = "Person", representation(school = "character"))
new("Student", name = "Bob", age = 20, school = "MIT")
is(new("Student"), "Person")
existsMethod("greet", "Student")
showMethods("greet")
setMethod("+", signature("Person", "Person"), function(e1, e2) e1@age + e2@age)
p + p
