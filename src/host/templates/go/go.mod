module {{packageName}}

go 1.21
