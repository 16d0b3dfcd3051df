# capture.output, nested and with an error
x <- capture.output(print(1:3), cat("no newline"))
x
capture.output({
  message("goes to stderr")
  "value"
}, invisible(3))
capture.output(message("captured"), type = "message")
try(capture.output(stop("inside")))
sink.number()
capture.output(capture.output(print("inner")), print("outer"))
utils::capture.output(1 + 1, 2 + 2)
capture.output(stop("for good"))
