// The example agent in Go: echo, digest, count and fail, as docs/agents/README.md states them.
package main

import (
	"cmp"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	url := read("YARDMASTER_URL", "http://127.0.0.1:7420", `http://`+addressForm+`/?`, "http://host:port")
	id := read("YARDMASTER_AGENT_ID", "example-go", `[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}`, "a name of letters, digits, _ . : -")
	token := read("YARDMASTER_TOKEN", "", `[!-~]*`, "visible ASCII characters")
	slots := readNumber("YARDMASTER_SLOTS", "4", `[1-9][0-9]{0,3}|10000`, "a whole number from 1 to 10000")
	graceMs := readNumber("YARDMASTER_GRACE_MS", "10000", `[0-9]{1,9}`, "a whole number of milliseconds")
	agent := newSession(strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"), token, id, slots)

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		name := map[os.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT"}[<-signals]
		signal.Reset() // a second one ends the process at once
		agent.leave(name, time.Duration(graceMs)*time.Millisecond)
	}()
	agent.run()
}

// read takes an empty variable for one that is not set.
func read(name, otherwise, pattern, meaning string) string {
	value := cmp.Or(os.Getenv(name), otherwise)
	if !regexp.MustCompile(`^(` + pattern + `)$`).MatchString(value) {
		fmt.Fprintf(os.Stderr, "cannot start: set %s to %s\n", name, meaning)
		os.Exit(2)
	}
	return value
}

func readNumber(name, otherwise, pattern, meaning string) uint32 {
	number, _ := strconv.ParseUint(read(name, otherwise, pattern, meaning), 10, 32) // it has digits only
	return uint32(number)
}
