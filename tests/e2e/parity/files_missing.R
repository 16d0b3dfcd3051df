# files that do not exist
try(read.csv("no-such-file.csv"))
try(source("no-such-file.R"))
try(setwd("no-such-directory"))
try(readLines("no-such-file"))
load("no-such-file.rda")
