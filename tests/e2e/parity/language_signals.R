# a script that interrupts itself
tryCatch({
  tools::pskill(Sys.getpid(), tools::SIGINT)
  Sys.sleep(5)
  "slept"
}, interrupt = function(i) "interrupted")
"goes on"
