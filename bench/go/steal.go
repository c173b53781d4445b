package main

import "sync"

// steal: goroutines that compute, all started by one. How busy they kept the processors can't be told here: Go's threads
// outnumber its processors, so a thread that waits for a core doesn't mean that a processor does.
func steal(p parameters) {
	const work = 400_000
	tasks, microseconds := p.get("tasks"), p.get("microseconds")
	batch := func(tasks int) {
		var group sync.WaitGroup
		group.Add(tasks)
		for i := 0; i < tasks; i++ {
			go func() {
				compute(microseconds)
				group.Done()
			}()
		}
		group.Wait()
	}
	batch(tasks / 10)
	batches := work / (tasks * microseconds)
	watch := start()
	for i := 0; i < batches; i++ {
		batch(tasks)
	}
	watch.stop().per(batches*tasks, "task")
}
