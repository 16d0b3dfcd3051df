# system(intern = TRUE), pipes and failing commands
system("echo one; echo two", intern = TRUE)
x <- system("echo out; exit 3", intern = TRUE)
x
system2("sh", c("-c", shQuote("echo err >&2; echo out")), stdout = TRUE, stderr = TRUE)
con <- pipe("printf 'a\\nb\\n'")
readLines(con)
close(con) # R would, with a warning whenever it next collects garbage.
con <- pipe("cat", "w")
writeLines("through a pipe", con)
close(con)
system("echo quiet", ignore.stdout = TRUE)
system("echo quiet >&2", ignore.stderr = TRUE)
suppressWarnings(system("no-such-command-here", ignore.stderr = TRUE))
system("cat", input = c("given", "input"))
system("no-such-command-here", intern = TRUE)
