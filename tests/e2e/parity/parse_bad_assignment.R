# assignments the evaluator refuses
x <- 1
try(f() <- 3)
NULL <- 1
