# odd white space: tabs, form feeds and a no-break space
	x <- 1	+	2
	x

if (TRUE) 	"indented"
y <- 3
x + y
