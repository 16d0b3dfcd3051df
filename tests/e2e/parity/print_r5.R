# reference classes
Account <- setRefClass("Account",
  fields = list(balance = "numeric"),
  methods = list(
    deposit = function(x) {
      balance <<- balance + x
      invisible(.self)
    },
    show = function() cat("Balance:", balance, "\n")
  ))
a <- Account$new(balance = 10)
a
a$deposit(5)
a$deposit(1)$deposit(2)
a$balance
Plain <- setRefClass("Plain", fields = list(x = "numeric"))
Plain$new(x = 1)
a$withdraw(3)
