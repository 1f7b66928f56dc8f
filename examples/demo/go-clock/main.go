// Says what time it is: a line in its log every ten seconds, and the same on port 8082.
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"
)

func main() {
	log.SetFlags(0)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, clock())
	})
	go func() {
		log.Fatal(http.ListenAndServe(":8082", nil))
	}()
	for {
		log.Print(clock())
		time.Sleep(10 * time.Second)
	}
}

func clock() string {
	return "It is " + time.Now().UTC().Format("15:04:05 on Monday, 2 January 2006 (UTC)")
}
