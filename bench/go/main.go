// Go beside fibra: each bench as somebody who writes Go would write it.
//
// `fibra-bench-go BENCH name=value,…` takes one sample and prints a line `metric value unit` for each figure;
// `fibra-bench-go echo-server …` and `http-server …` serve until they are killed. How many processors are used is
// for the environment to say (GOMAXPROCS).
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

var commands = map[string]func(parameters){
	"channel":         channel,
	"channel-load":    channelLoad,
	"channel-request": channelRequest,
	"echo-server":     echoServer,
	"http-server":     httpServer,
	"memory":          memory,
	"mixed":           mixed,
	"mutex":           mutex,
	"scale":           scale,
	"spawn":           spawn,
	"steal":           steal,
	"timers":          timers,
	"timers-due":      timersDue,
	"yield":           yield,
}

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		fail("usage: fibra-bench-go BENCH [name=value,…]")
	}
	command, known := commands[os.Args[1]]
	if !known {
		fail("there is no bench %q for Go", os.Args[1])
	}
	command(parse(strings.Join(os.Args[2:], "")))
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

// The case's names and values.
type parameters map[string]int

func parse(text string) parameters {
	parsed := parameters{}
	for _, parameter := range strings.Split(text, ",") {
		if parameter == "" {
			continue
		}
		name, value, _ := strings.Cut(parameter, "=")
		number, err := strconv.Atoi(value)
		if err != nil {
			fail("%q is no parameter with a number", parameter)
		}
		parsed[name] = number
	}
	return parsed
}

func (p parameters) has(name string) bool {
	_, known := p[name]
	return known
}

func (p parameters) get(name string) int {
	value, known := p[name]
	if !known {
		fail("the case has no parameter %q", name)
	}
	return value
}
