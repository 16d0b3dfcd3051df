# an expression and a comment without a final newline
2 # comment