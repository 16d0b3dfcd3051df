# encoding marks, invalid bytes and iconv
x <- "fa\xE7ile"
Encoding(x)
Encoding(x) <- "latin1"
x
nchar(x)
y <- enc2utf8(x)
Encoding(y)
iconv(x, "latin1", "UTF-8")
iconv("é", "UTF-8", "ASCII", sub = "byte")
"\xff\xfe"
validUTF8(c("ok", "\xff"))
charToRaw("é")
rawToChar(as.raw(c(0xc3, 0xa9)))
cat("raw bytes \xff here\n")
z <- "\xe9"
Encoding(z) <- "bytes"
z
try(nchar("\xff"))
cat("a\u00e9\n")
