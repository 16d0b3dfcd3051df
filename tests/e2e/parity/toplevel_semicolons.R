# several expressions on one line
1; 2; x <- 3; x
invisible(4); 5;
"a"; "b" ; "c"
f <- function() { 1; 2 }; f()
6; stop("here"); 7
cat("never\n")
