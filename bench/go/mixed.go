package main

import (
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// mixed: goroutines that compute, beside goroutines that sleep until the next millisecond again and again.
func mixed(p parameters) {
	const period = time.Millisecond
	const ticks = 1_000
	const patience = 5 * time.Second
	jobs, tickers, microseconds := p.get("jobs"), p.get("tickers"), p.get("microseconds")
	var over atomic.Bool
	var rounds atomic.Int64
	began := time.Now()
	for i := 0; i < jobs; i++ {
		go func() {
			for !over.Load() && time.Since(began) < patience {
				compute(microseconds)
				rounds.Add(1)
				runtime.Gosched()
			}
		}()
	}
	late := make([][]time.Duration, tickers)
	var all sync.WaitGroup
	all.Add(tickers)
	for i := 0; i < tickers; i++ {
		go func(number int) {
			defer all.Done()
			next := began.Add(period + period*time.Duration(number)/time.Duration(tickers))
			noted := make([]time.Duration, 0, ticks)
			for len(noted) < ticks {
				time.Sleep(time.Until(next))
				noted = append(noted, time.Since(next))
				next = next.Add(period)
			}
			late[number] = noted
		}(i)
	}
	all.Wait()
	over.Store(true)
	work := float64(rounds.Load()) / time.Since(began).Seconds()
	var sorted []time.Duration
	for _, noted := range late {
		sorted = append(sorted, noted...)
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	at := func(quantile float64) float64 {
		return sorted[int(quantile*float64(len(sorted)))].Seconds() * 1e3
	}
	report("p99", at(0.99), "ms")
	report("p50", at(0.5), "ms")
	report("p99.9", at(0.999), "ms")
	report("work", work, "rounds/s")
}
