// Prints newlines as fast as it can. In Go, because six of them fit into a test's memory.
package main

import "os"

func main() {
	for {
		os.Stdout.Write([]byte("\n"))
	}
}
