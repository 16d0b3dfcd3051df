# unicode, emoji, combining and wide characters
"naïve café"
c("日本語", "한국어", "中文")
"😀 👨‍👩‍👧 🇩🇪"
"e\u0301 is combining"
"שלום עולם"
data.frame(名 = c("あ", "いい"), värde = 1:2)
nchar("日本語", "width")
format(c("日本", "abc"), width = 8)
"zero\u200bwidth"
"\u00a0no-break\u00ad"
"\U1F600"
"\ufeff"
print(c("a", "é", "日"), quote = FALSE)
cat("日本\n", sep = "")
substr("日本語", 2, 2)
utf8ToInt("é")
rev(strsplit("añb", "")[[1]])
sprintf("%5s|%-5s|", "é", "日")
toupper("éß")
message("erreur: à côté")
stop("Ünïcödé in an error")
