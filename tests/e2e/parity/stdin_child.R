# a child process that reads the script's input
system("head -n 1 | tr a-z A-Z")
cat("end\n")
