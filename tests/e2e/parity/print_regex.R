# regular expressions and regmatches
x <- c("apple123", "banana", "cherry7")
regmatches(x, regexpr("[0-9]+", x))
regmatches(x, gregexpr("[a-z]", x))
gsub("(\\w)(\\d)", "\\1-\\2", x, perl = TRUE)
sub("^(.)", "\\U\\1", x, perl = TRUE)
grepl("an{1}", x)
regexpr("a", x)
gregexpr("an", "banana")[[1]]
grepl("[", x)
strsplit("2024-01-02", "-", fixed = TRUE)[[1]]
