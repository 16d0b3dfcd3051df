# the pipe, and its placeholder in the wrong place
c(1, 4, 9) |> sqrt() |> sum()
mtcars |> subset(cyl == 4, select = mpg) |> head(2)
c(a = 1) |> _$a
