# a plot with the default device
plot(1:3)
dev.cur()
invisible(dev.off())
file.exists("Rplots.pdf")
pdf(NULL)
hist(c(1, 2, 2, 3), plot = FALSE)$counts
barplot(1:3)
dev.off()
