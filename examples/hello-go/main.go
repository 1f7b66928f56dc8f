// A web page that says for how long this program has been running.
package main

import (
	"fmt"
	"html"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="1">
<title>%[1]s</title>
<style>body { font: 1.5rem system-ui; margin: 20vh auto; text-align: center }</style>
<h1>Hello from %[1]s</h1>
<p>Running for %[2]s</p>
</html>
`

func main() {
	started := time.Now()
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		log.Printf("%s %s from %s", r.Method, r.URL, r.RemoteAddr)
		name, _ := os.Hostname()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, page, html.EscapeString(name), time.Since(started).Round(time.Second))
	})
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("Listening on port %s", port)
	log.Fatal(http.Serve(listener, nil))
}
