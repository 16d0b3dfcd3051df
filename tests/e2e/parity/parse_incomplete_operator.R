# an operator without its right side at the end
"first"
1 +
