# numbers written in odd ways
0x1F
1e3L
1.5L
0xZZ
