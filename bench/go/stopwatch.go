package main

import (
	"fmt"
	"syscall"
	"time"
)

// A stopwatch holds what both clocks showed when it was started.
type stopwatch struct {
	wall time.Time
	cpu  time.Duration
}

func start() stopwatch {
	return stopwatch{time.Now(), processorTime()}
}

// A span is how long a stretch of work took, by the clock on the wall and by the processor's.
type span struct {
	wall, cpu time.Duration
}

func (s stopwatch) stop() span {
	return span{time.Since(s.wall), processorTime() - s.cpu}
}

func (s span) plus(other span) span {
	return span{s.wall + other.wall, s.cpu + other.cpu}
}

// per prints what each of the operations took.
func (s span) per(operations int, operation string) {
	report("time", float64(s.wall.Nanoseconds())/float64(operations), "ns/"+operation)
	report("cpu", float64(s.cpu.Nanoseconds())/float64(operations), "ns/"+operation)
}

func report(metric string, value float64, unit string) {
	fmt.Println(metric, value, unit)
}

// processorTime is that of all threads, the garbage collector's included.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail("getrusage: %v", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
