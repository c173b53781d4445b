package main

import "sync"

// spawn: goroutines with an empty body, all started before the first is waited for.
func spawn(p parameters) {
	const batches = 20
	inFlight := p.get("in_flight")
	batch := func() {
		var group sync.WaitGroup
		group.Add(inFlight)
		for i := 0; i < inFlight; i++ {
			go group.Done()
		}
		group.Wait()
	}
	batch()
	watch := start()
	for i := 0; i < batches; i++ {
		batch()
	}
	watch.stop().per(inFlight*batches, "task")
}
