# environments that print without an address
globalenv()
environment()
baseenv()
emptyenv()
environmentName(environment(sd))
ls()
x <- 1
ls()
exists("x")
search()
sys.nframe()
sys.call()
parent.frame()
