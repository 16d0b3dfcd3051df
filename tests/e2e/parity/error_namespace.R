# errors about namespaces and packages
try(stats::no_such_function)
try(no.such.package::f)
requireNamespace("no.such.package", quietly = TRUE)
require(no.such.package)
try(base:::nothing_here)
library(no.such.package)
