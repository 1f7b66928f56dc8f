module flood

go 1.21
