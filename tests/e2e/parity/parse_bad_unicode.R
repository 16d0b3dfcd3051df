# a unicode escape without digits
cat("first\n")
"\u{zz}"
cat("never\n")
