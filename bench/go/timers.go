package main

import (
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// scattered is a stretch between none and atMost for this number, as for the other subjects.
func scattered(number int, atMost time.Duration) time.Duration {
	fraction := (uint64(number+1) * 0x9e37_79b9_7f4a_7c15) >> 32
	return time.Duration(float64(atMost) * float64(fraction) / (1 << 32))
}

// timers: timers that are started, and stopped before they are due; all of them are in place at once. A first time is
// not counted.
func timers(p parameters) {
	count, spread := p.get("timers"), time.Duration(0)
	if p.has("spread_s") {
		spread = time.Duration(p.get("spread_s")) * time.Second
	}
	started := make([]*time.Timer, count)
	startAll := func() {
		for i := range started {
			started[i] = time.NewTimer(30*time.Second + scattered(i, spread))
		}
	}
	cancelAll := func() {
		for _, timer := range started {
			if !timer.Stop() {
				fail("a timer has fired")
			}
		}
	}
	earlier := time.NewTimer(20 * time.Second)
	defer earlier.Stop()
	time.Sleep(2 * time.Millisecond)
	startAll()
	cancelAll()
	watch := start()
	startAll()
	starting, watchFromHere := watch.stop(), start()
	cancelAll()
	cancelling := watchFromHere.stop()
	watch.stop().per(count, "timer")
	report("start", float64(starting.wall.Nanoseconds())/float64(count), "ns/timer")
	report("cancel", float64(cancelling.wall.Nanoseconds())/float64(count), "ns/timer")
}

// timersDue: goroutines that sleep once each, until moments scattered over one second.
func timersDue(p parameters) {
	count := p.get("timers")
	late := make([]time.Duration, count)
	var begun, early atomic.Int64
	var first time.Time
	var watch stopwatch
	allHaveBegun := make(chan struct{})
	var all sync.WaitGroup
	all.Add(count)
	body := func(number int) {
		defer all.Done()
		if begun.Add(1) == int64(count) {
			watch, first = start(), time.Now().Add(lead)
			close(allHaveBegun)
		}
		<-allHaveBegun
		due := first.Add(scattered(number, time.Second))
		time.Sleep(time.Until(due))
		late[number] = time.Since(due)
		if late[number] < 0 {
			early.Add(1)
		}
	}
	for i := 0; i < count; i++ {
		go body(i)
	}
	all.Wait()
	spent := watch.stop()
	sort.Slice(late, func(i, j int) bool { return late[i] < late[j] })
	milliseconds := func(late time.Duration) float64 { return late.Seconds() * 1e3 }
	report("cpu", float64(spent.cpu.Nanoseconds())/float64(count), "ns/timer")
	report("p50", milliseconds(late[count/2]), "ms")
	report("p99", milliseconds(late[count*99/100]), "ms")
	report("max", milliseconds(late[count-1]), "ms")
	report("early", float64(early.Load()), "tasks")
}

// lead is what lies between the begin of the last goroutine and the first moment that somebody sleeps until.
const lead = 500 * time.Millisecond
