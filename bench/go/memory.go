package main

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// memory: goroutines that wait for a channel to be closed, spawned in batches, each of which waits before the next comes.
func memory(p parameters) {
	const batch = 1_000
	tasks := p.get("tasks")
	gate := make(chan struct{})
	var parked atomic.Int64
	var all sync.WaitGroup
	body := func() {
		parked.Add(1)
		<-gate
		all.Done()
	}
	parkBatch := func() {
		goal := parked.Load() + batch
		all.Add(batch)
		for i := 0; i < batch; i++ {
			go body()
		}
		for parked.Load() < goal {
			runtime.Gosched()
		}
	}
	parkBatch()
	before := readFootprint()
	for i := 0; i < tasks/batch; i++ {
		parkBatch()
	}
	after := readFootprint()
	close(gate)
	all.Wait()
	before.growthForEach(after, tasks, "task")
}

// A footprint is what the kernel says this process holds in memory, in bytes.
type footprint struct {
	resident, pageTables int
}

func readFootprint() footprint {
	status, err := os.Open("/proc/self/status")
	if err != nil {
		fail("%v", err)
	}
	defer status.Close()
	fields := map[string]int{}
	for lines := bufio.NewScanner(status); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 3 && words[2] == "kB" {
			kibibytes, err := strconv.Atoi(words[1])
			if err != nil {
				fail("%v", err)
			}
			fields[words[0]] = kibibytes * 1024
		}
	}
	return footprint{fields["VmRSS:"], fields["VmPTE:"]}
}

func (f footprint) growthForEach(after footprint, count int, thing string) {
	each := func(before, after int) float64 { return float64(after-before) / float64(count) }
	resident := each(f.resident, after.resident)
	pageTables := each(f.pageTables, after.pageTables)
	report("memory", resident+pageTables, "B/"+thing)
	report("resident", resident, "B/"+thing)
	report("page_tables", pageTables, "B/"+thing)
}
