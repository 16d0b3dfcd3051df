# options that change how things are printed
options(digits = 4)
pi * 1e6
options(width = 60)
1:40
options(scipen = -5)
1000
options(scipen = 0)
options(max.print = 5)
1:10
options(max.print = 99999)
options(deparse.max.lines = 2)
options(useFancyQuotes = FALSE)
sQuote("x")
options(stringsAsFactors = FALSE)
options(prompt = "? ", continue = "...")
1
2
op <- options(digits = 3)
op
options(no.such.option = 1)
getOption("no.such.option")
options(digits = 100)
