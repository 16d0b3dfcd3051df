# blank lines, comments and a lonely semicolon


# a comment
1   # trailing comment

   # indented comment

"a # inside a string"
x <- c(1, # one
       2  # two
)
x


;
"never"
