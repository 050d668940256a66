// Many instances of the example agent in Go in one process, each on a connection of its own. They have one agent id, which is in
// the environment with the other settings of the example. Stands beside the files of examples/agents/go, whose main() is called
// runInstance here. Argument: how many.
//
// Prints "loaded", dials when a line comes, and ends when its standard input does.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
)

func main() {
	instances, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	fmt.Println("loaded")
	input := bufio.NewScanner(os.Stdin)
	input.Scan()
	for range instances {
		go runInstance()
	}
	input.Scan()
}
