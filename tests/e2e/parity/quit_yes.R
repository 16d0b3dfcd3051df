# quit with an argument it refuses
try(quit("maybe"))
try(quit(save = "ask"))
quit(save = "default", status = 2)
