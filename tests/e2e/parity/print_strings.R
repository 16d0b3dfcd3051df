# strings: escapes, quotes, encodings and widths
"tab\there"
'single "double"'
"back\\slash"
"\u00e9\u4e2d"
"\001\033[31m"
cat("bell\a and escape \033[0m\n")
r"(raw \n string)"
noquote("plain")
print("x", quote = FALSE)
nchar("h\u00e9llo", "bytes")
format("left", width = 10)
formatC("right", width = 10)
formatC(3.14159, digits = 3, format = "f")
sprintf("%5d|%-5s|%05.2f|%%", 1:3, c("a", "bb", "ccc"), pi)
toupper("stra\u00dfe")
strsplit("a,b,,c", ",")
encodeString("a\nb")
shQuote("it's")
dQuote("x", FALSE)
writeLines(formatC(c(1, 10, 100), width = 8, big.mark = ","))
format(1234567.891, big.mark = ",")
format(c("a", "bbb"), justify = "right")
format(TRUE, width = 6)
prettyNum(123456789, big.mark = ",")
