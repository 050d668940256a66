// Many instances of the example agent in Go in one process, each on a connection of its own. Takes the place of main.go beside
// the other files of examples/agents/go. Arguments: url, a name for them, how many, slots of each.
//
// Prints "loaded", dials when a line comes, and ends when its standard input does.
package main

import (
	"bufio"
	_ "embed"
	"fmt"
	"os"
	"strconv"

	pb "example/yardmaster"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

//go:embed capabilities.json
var capabilities []byte

func main() {
	url, name := os.Args[1], os.Args[2]
	instances, slots := number(os.Args[3]), number(os.Args[4])
	offered := &pb.State{}
	if err := protojson.Unmarshal(capabilities, offered); err != nil {
		panic(err)
	}
	offered.Revision, offered.Slots = 1, uint32(slots)
	fmt.Println("loaded")
	input := bufio.NewScanner(os.Stdin)
	input.Scan()
	for i := range instances {
		handlers := map[string]handler{"echo": echo, "digest": digest, "count": count, "fail": fail}
		state := proto.Clone(offered).(*pb.State)
		go newSession(url, fmt.Sprintf("%s-%d", name, i), "", state, handlers).run()
	}
	input.Scan()
}

func number(text string) int {
	number, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return number
}
