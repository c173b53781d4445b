package main

import (
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// scattered spreads numbers over a span evenly, and the same way each time.
func scattered(number int, over time.Duration) time.Duration {
	word := (uint64(number) + 1) * 0x9E3779B97F4A7C15 >> 32
	return time.Duration(word*uint64(over.Microseconds())>>32) * time.Microsecond
}

// timers: so many timers are started, and then stopped, the oldest first.
func timers(p parameters) {
	count := p.get("timers")
	started := make([]*time.Timer, 0, count)
	starting := start()
	for i := 0; i < count; i++ {
		started = append(started, time.NewTimer(10*time.Second+scattered(i, time.Minute)))
	}
	start, stopping := starting.stop(), start()
	for _, timer := range started {
		timer.Stop()
	}
	cancel, both := stopping.stop(), starting.stop()
	both.per(count, "timer")
	report("start", float64(start.wall.Nanoseconds())/float64(count), "ns/timer")
	report("cancel", float64(cancel.wall.Nanoseconds())/float64(count), "ns/timer")
}

// timeouts: one goroutine yields again and again, under a time limit each time.
func timeouts(parameters) {
	const waits = 500_000
	wait := func() {
		limit := time.NewTimer(30 * time.Second)
		runtime.Gosched()
		limit.Stop()
	}
	wait()
	watch := start()
	for i := 0; i < waits; i++ {
		wait()
	}
	watch.stop().per(waits, "wait")
}

// timersDue: goroutines sleep once each, until moments that are scattered over one second.
func timersDue(p parameters) {
	const lead, spread = 500 * time.Millisecond, time.Second
	count := p.get("timers")
	late := make([]time.Duration, count)
	var asleep atomic.Int64
	var all sync.WaitGroup
	all.Add(count)
	first, spawning := time.Now().Add(lead), start()
	for i := 0; i < count; i++ {
		i, due := i, first.Add(scattered(i, spread))
		go func() {
			defer all.Done()
			asleep.Add(1)
			time.Sleep(time.Until(due))
			late[i] = time.Since(due)
		}()
	}
	time.Sleep(time.Until(first))
	if asleep.Load() != int64(count) {
		fail("within %v only %d of %d goroutines fell asleep", lead, asleep.Load(), count)
	}
	firing := start()
	all.Wait()
	lived, fired := spawning.stop(), firing.stop()

	sort.Slice(late, func(i, j int) bool { return late[i] < late[j] })
	early := sort.Search(count, func(i int) bool { return late[i] >= 0 })
	milliseconds := func(late time.Duration) float64 { return float64(late.Nanoseconds()) / 1e6 }
	report("cpu", float64(lived.cpu.Nanoseconds())/float64(count), "ns/timer")
	report("firing", float64(fired.cpu.Nanoseconds())/float64(count), "ns/timer")
	report("p50", milliseconds(late[count/2]), "ms")
	report("p99", milliseconds(late[count*99/100]), "ms")
	report("max", milliseconds(late[count-1]), "ms")
	report("early", float64(early), "tasks")
}
