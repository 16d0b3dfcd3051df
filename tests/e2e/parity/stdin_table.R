# read.table and read.csv from the script's input
data <- read.csv(file("stdin"))
data
summary(data)
tapply(data$value, data$group, mean)
