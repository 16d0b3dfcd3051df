# formulas, calls, symbols and expressions
y ~ x + z
quote(f(x, y = 2))
expression(a + b, c)
as.name("a name")
quote(if (a) b else c)
quote({
  x
  y
})
call("round", 10.5)
bquote(a + .(1 + 2))
substitute(x + y, list(x = 1))
deparse(quote(function(x) x^2))
quote(`my var` + 1)
quote(a |> f())
