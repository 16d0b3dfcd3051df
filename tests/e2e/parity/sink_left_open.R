# a sink left open at the end
sink("out.txt")
print("hidden")
sink("second.txt")
cat("hidden too\n")
message("not hidden")
