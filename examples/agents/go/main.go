// The example agent in Go: echo, digest, count and fail, as docs/agents/README.md states them.
package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	pb "example/yardmaster"

	"google.golang.org/protobuf/encoding/protojson"
)

//go:embed capabilities.json
var capabilities []byte

func main() {
	state := &pb.State{}
	if err := protojson.Unmarshal(capabilities, state); err != nil {
		refuse("capabilities.json: " + err.Error())
	}
	state.Revision = 1
	state.Slots = uint32(readSetting("YARDMASTER_SLOTS", 4, 1))
	grace := time.Duration(readSetting("YARDMASTER_GRACE_MS", 10_000, 0)) * time.Millisecond
	agent := newSession(
		readText("YARDMASTER_URL", "http://127.0.0.1:7420"),
		readText("YARDMASTER_AGENT_ID", "example-go"),
		os.Getenv("YARDMASTER_TOKEN"),
		state,
		map[string]handler{"echo": echo, "digest": digest, "count": count, "fail": fail},
	)

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		name := map[os.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT"}[<-signals]
		signal.Reset() // a second one ends the process at once
		agent.leave(name, grace)
	}()
	agent.run()
}

func readText(name, otherwise string) string {
	if text := os.Getenv(name); text != "" {
		return text
	}
	return otherwise
}

func readSetting(name string, otherwise, least uint64) uint64 {
	number, err := strconv.ParseUint(readText(name, strconv.FormatUint(otherwise, 10)), 10, 31)
	if err != nil || number < least {
		refuse(fmt.Sprintf("%s must be a whole number from %d, not %q", name, least, os.Getenv(name)))
	}
	return number
}

func refuse(message string) {
	fmt.Fprintln(os.Stderr, "cannot start: "+message)
	os.Exit(2)
}
