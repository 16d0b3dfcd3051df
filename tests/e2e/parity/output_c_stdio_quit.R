# C output left in the buffer when the script quits
maps <- readLines("/proc/self/maps")
libc <- unique(sub(".* ", "", grep("/libc[.-].*so", maps, value = TRUE)))[1]
dll <- dyn.load(libc)
invisible(.C(getNativeSymbolInfo("puts", dll), c(charToRaw("from C"), as.raw(0))))
quit(status = 8)
