module example.org/go-clock

go 1.21
