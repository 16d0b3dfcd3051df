# a linear model and its summary
fit <- lm(mpg ~ wt + hp, mtcars)
fit
summary(fit)
anova(fit)
coef(fit)
predict(fit, data.frame(wt = 3, hp = 100), interval = "confidence")
glm(am ~ wt, binomial, mtcars)
t.test(extra ~ group, data = sleep)
