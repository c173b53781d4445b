package main

import (
	"runtime"
	"sync"
	"sync/atomic"
)

const yields = 10

// scale: goroutines that wait for a channel, yield a few times, and wait for another one.
func scale(p parameters) {
	const warm, lives = 10_000, 200_000
	tasks := p.get("tasks")
	if tasks < warm {
		population(tasks)
	} else {
		population(warm)
	}
	repetitions := (lives + tasks - 1) / tasks
	var life, between span
	for i := 0; i < repetitions; i++ {
		birth, yielding, death := population(tasks)
		life = life.plus(birth).plus(death)
		between = between.plus(yielding)
	}
	life.per(tasks*repetitions, "task")
	all := float64(tasks * repetitions * yields)
	report("yield", float64(between.wall.Nanoseconds())/all, "ns/yield")
	report("yield_cpu", float64(between.cpu.Nanoseconds())/all, "ns/yield")
}

// population is from the start of so many goroutines to their end.
func population(tasks int) (birth, yielding, death span) {
	gates := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	waiting := make(chan struct{})
	var entered atomic.Int64
	wait := func(gate chan struct{}) {
		if entered.Add(1)%int64(tasks) == 0 {
			waiting <- struct{}{}
		}
		<-gate
	}
	var all sync.WaitGroup
	all.Add(tasks)
	watch := start()
	for i := 0; i < tasks; i++ {
		go func() {
			wait(gates[0])
			for i := 0; i < yields; i++ {
				runtime.Gosched()
			}
			wait(gates[1])
			all.Done()
		}()
	}
	<-waiting
	birth = watch.stop()
	watch = start()
	close(gates[0])
	<-waiting
	yielding = watch.stop()
	watch = start()
	close(gates[1])
	all.Wait()
	death = watch.stop()
	return
}
