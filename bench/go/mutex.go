package main

import (
	"runtime"
	"sync"
)

// mutex: goroutines lock one mutex, count up what it holds, hold it over some yields, and unlock it.
func mutex(p parameters) {
	tasks, yields := p.get("tasks"), p.get("yields")
	locks := 800_000 / tasks
	if tasks == 1 {
		locks = 5_000_000
	}
	var lock sync.Mutex
	counted := 0
	var all sync.WaitGroup
	all.Add(tasks)
	watch := start()
	for i := 0; i < tasks; i++ {
		go func() {
			defer all.Done()
			for i := 0; i < locks; i++ {
				lock.Lock()
				counted++
				for j := 0; j < yields; j++ {
					runtime.Gosched()
				}
				lock.Unlock()
			}
		}()
	}
	all.Wait()
	took := watch.stop()
	if counted != tasks*locks {
		fail("%d of %d locks were counted", counted, tasks*locks)
	}
	took.per(tasks*locks, "lock")
}
