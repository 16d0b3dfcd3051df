# if and else at the top level
if (TRUE) "yes" else "no"
if (FALSE) {
  1
} else {
  2
}
x <- if (FALSE) 1
x
{
  if (TRUE) 3
  else 4
}
if (TRUE) 5
cat("before the lone else\n")
if (FALSE) 6
else 7
cat("never\n")
