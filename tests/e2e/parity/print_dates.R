# dates, times and differences in UTC
d <- as.Date("2024-02-28")
d
d + 0:2
format(d, "%d/%m/%Y")
as.POSIXct("2024-01-01 12:34:56", tz = "UTC")
as.POSIXct(c(0, 86400.5), origin = "1970-01-01", tz = "UTC")
difftime(as.Date("2024-03-01"), d)
difftime(as.POSIXct("2024-01-01", tz = "UTC"), as.POSIXct("2023-12-31 22:00", tz = "UTC"))
seq(d, by = "month", length.out = 3)
months(d)
weekdays(d)
ISOdate(2024, 1, 1)
strftime(as.POSIXlt("2024-01-01", tz = "UTC"), "%j")
as.Date("not a date")
