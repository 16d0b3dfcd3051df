# finalizers that print during gc
e <- new.env()
reg.finalizer(e, function(x) cat("collected\n"))
rm(e)
invisible(gc())
cat("after gc\n")
