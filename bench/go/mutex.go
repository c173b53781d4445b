package main

import (
	"runtime"
	"sync"
)

// mutex: goroutines that lock one mutex in a loop, and hold it over so many yields.
func mutex(p parameters) {
	tasks, yields := p.get("tasks"), p.get("yields")
	locks := 800_000
	if tasks == 1 {
		locks = 5_000_000
	}
	var lock sync.Mutex
	var counted int
	var all sync.WaitGroup
	all.Add(tasks)
	watch := start()
	for i := 0; i < tasks; i++ {
		go func() {
			defer all.Done()
			for i := 0; i < locks/tasks; i++ {
				lock.Lock()
				counted++
				for i := 0; i < yields; i++ {
					runtime.Gosched()
				}
				lock.Unlock()
			}
		}()
	}
	all.Wait()
	watch.stop().per(counted, "lock")
}
