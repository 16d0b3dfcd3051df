# commandArgs with the script's arguments
commandArgs(TRUE)
commandArgs(trailingOnly = TRUE)[2]
length(commandArgs(TRUE))
args <- commandArgs()
grep("^--file=", args, value = TRUE)
args[seq(match("--args", args), length(args))]
