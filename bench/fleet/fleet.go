// Many instances of the example agent in Go in one process, each on a connection of its own. Takes the place of main.go beside
// the other files of examples/agents/go. Arguments: url, a name for them, how many, slots of each.
//
// Prints "loaded", dials when a line comes, and ends when its standard input does.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

func main() {
	place, name := strings.TrimPrefix(os.Args[1], "http://"), os.Args[2]
	instances, slots := number(os.Args[3]), number(os.Args[4])
	fmt.Println("loaded")
	input := bufio.NewScanner(os.Stdin)
	input.Scan()
	for i := range instances {
		go newSession(place, "", fmt.Sprintf("%s-%d", name, i), uint32(slots)).run()
	}
	input.Scan()
}

func number(text string) int {
	number, err := strconv.Atoi(text)
	must(err)
	return number
}
