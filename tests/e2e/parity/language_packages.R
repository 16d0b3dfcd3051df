# packages attached and detached
library(splines)
search()[2]
detach("package:splines")
suppressPackageStartupMessages(library(stats4))
"package:stats4" %in% search()
library(parallel, pos = "package:base")
require(tools)
requireNamespace("grid")
print(packageVersion("base") >= "4.0.0")
library()$results[0, 1]
attach(list(attached = 5), name = "mine")
attached
detach("mine")
environmentName(topenv())
library(help = "no.such.package")
