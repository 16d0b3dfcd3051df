# plots on a device of the script's own
pdf("own.pdf")
plot(1:3)
dev.cur()
invisible(dev.off())
file.exists("own.pdf")
pdf(NULL)
hist(c(1, 2, 2, 3), plot = FALSE)$counts
barplot(1:3)
dev.off()
