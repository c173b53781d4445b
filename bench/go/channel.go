package main

import (
	"sync/atomic"
	"syscall"
	"time"
)

// A ball is what goes to and fro. Every 64th says which thread it was sent by: to ask that takes a system call.
type ball struct {
	number, thread int
}

func newBall(number int) ball {
	if number%64 != 0 {
		return ball{number: number}
	}
	return ball{number, syscall.Gettid()}
}

func (b ball) returned() ball {
	return newBall(b.number)
}

// A rally serves the balls, and counts.
type rally struct {
	trips, served, asked, apart int
	watch                       stopwatch
}

const warmUp = 1_000

func newRally(p parameters) *rally {
	switch {
	case p.get("workers") == 1:
		return &rally{trips: 200_000}
	case p.has("begun_apart"):
		return &rally{trips: 5_000}
	default:
		return &rally{trips: 50_000}
	}
}

func (r *rally) serve() (ball, bool) {
	if r.served == warmUp {
		r.asked, r.apart, r.watch = 0, 0, start()
	}
	if r.served == warmUp+r.trips {
		return ball{}, false
	}
	r.served++
	return newBall(r.served), true
}

func (r *rally) take(b ball) {
	here := newBall(r.served)
	if b.number != here.number {
		fail("ball %d came back instead of %d", b.number, here.number)
	}
	if b.number%64 == 0 {
		r.asked++
		if b.thread != here.thread {
			r.apart++
		}
	}
}

func (r *rally) report() {
	r.watch.stop().per(r.trips, "trip")
	report("apart", 100*float64(r.apart)/float64(r.asked), "%")
}

// channel: a round trip between two goroutines, over two channels with room for one message each.
func channel(p parameters) {
	rally := newRally(p)
	toPong, toPing := make(chan ball, 1), make(chan ball, 1)
	var pongHasBegun atomic.Bool
	go func() {
		pongHasBegun.Store(true)
		for b := range toPong {
			toPing <- b.returned()
		}
		close(toPing)
	}()
	for p.has("begun_apart") && !pongHasBegun.Load() {
	}
	for b, more := rally.serve(); more; b, more = rally.serve() {
		toPong <- b
		rally.take(<-toPing)
	}
	rally.report()
	close(toPong)
	<-toPing
}

// channelRequest: a request, and its answer over a channel that came with it.
func channelRequest(p parameters) {
	type request struct {
		ball   ball
		answer chan<- ball
	}
	rally := newRally(p)
	requests := make(chan request, 64)
	go func() {
		for r := range requests {
			r.answer <- r.ball.returned()
		}
	}()
	await := func(answer <-chan ball) ball { return <-answer }
	if p.has("limit_s") {
		limit := time.Duration(p.get("limit_s")) * time.Second
		await = func(answer <-chan ball) ball { return awaitWithin(limit, answer) }
	}
	for b, more := rally.serve(); more; b, more = rally.serve() {
		answer := make(chan ball, 1)
		requests <- request{b, answer}
		rally.take(await(answer))
	}
	rally.report()
	close(requests)
}

func awaitWithin(limit time.Duration, answer <-chan ball) ball {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case b := <-answer:
		return b
	case <-timer.C:
		fail("no answer in %v", limit)
		return ball{}
	}
}

// channelLoad: many senders, and receivers with a channel each. Go has no channels without a bound.
func channelLoad(p parameters) {
	senders, receivers := p.get("senders"), p.get("receivers")
	messages := 800_000 / senders / receivers
	watch := start()
	channels := make([]chan int, receivers)
	for i := range channels {
		channels[i] = make(chan int, p.get("bound"))
	}
	for i := 0; i < senders; i++ {
		go func() {
			for message := 0; message < messages; message++ {
				for _, to := range channels {
					to <- message
				}
			}
		}()
	}
	done := make(chan struct{}, receivers)
	for _, from := range channels {
		from := from
		go func() {
			for i := 0; i < senders*messages; i++ {
				<-from
			}
			done <- struct{}{}
		}()
	}
	for range channels {
		<-done
	}
	watch.stop().per(senders*receivers*messages, "message")
}
