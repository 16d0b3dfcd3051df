# child processes that read their standard input
system("wc -c")
system("head -c 4 <&0; echo .")
system("cat", intern = TRUE)
cat("end\n")
