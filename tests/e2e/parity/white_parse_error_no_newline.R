# a parse error without a final newline
1
x <- )