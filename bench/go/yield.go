package main

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// yield: every goroutine yields in a loop. What is counted lies between the last arrival and the last departure; those
// who have arrived early or done their share go on yielding.
func yield(p parameters) {
	tasks := p.get("tasks")
	share := 2_000_000 / tasks
	if share < 50 {
		share = 50
	}
	var arrived, departed, yields atomic.Int64
	var watch stopwatch
	var counted span
	var all sync.WaitGroup
	last := int64(tasks)
	body := func() {
		defer all.Done()
		if arrived.Add(1) == last {
			watch = start()
			arrived.Add(1)
		}
		for arrived.Load() <= last {
			runtime.Gosched()
		}
		for i := 0; i < share; i++ {
			runtime.Gosched()
		}
		if departed.Add(1) == last {
			counted = watch.stop()
			departed.Add(1)
		}
		more := 0
		for departed.Load() <= last {
			runtime.Gosched()
			more++
		}
		yields.Add(int64(share + more))
	}
	all.Add(tasks)
	for i := 0; i < tasks; i++ {
		go body()
	}
	all.Wait()
	counted.per(int(yields.Load()), "yield")
}
