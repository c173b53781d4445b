package main

import (
	"sync"
	"sync/atomic"
)

// channel: ping-pong between two goroutines, over two channels with room for one message each.
func channel(p parameters) {
	toPong, toPing := make(chan ball, 1), make(chan ball, 1)
	var begun atomic.Bool
	go func() {
		begun.Store(true)
		for ball := range toPong {
			toPing <- ball
		}
	}()
	if p["begun_apart"] == 1 {
		for !begun.Load() {
			// Keeps this processor, so that the other goroutine has to begin on another one.
		}
	}
	rally(p, func(served ball) ball {
		toPong <- served
		return <-toPing
	})
	close(toPong)
}

// A ball is what goes to and fro: its number, and as much again as in the other languages.
type ball struct {
	number int
	_      uintptr
}

// rally plays one ball after the other, each of which has to come back before the next one is served.
func rally(p parameters, play func(ball) ball) {
	const warmUp = 1_000
	trips := 50_000
	if p.get("workers") == 1 {
		trips = 200_000
	}
	var watch stopwatch
	for number := 1; number <= warmUp+trips; number++ {
		if number == warmUp+1 {
			watch = start()
		}
		if back := play(ball{number: number}); back.number != number {
			fail("ball %d came back as %d", number, back.number)
		}
	}
	watch.stop().per(trips, "trip")
}

// channelRequest: a goroutine that owns a state is asked, and answers over the channel that a request brings along.
func channelRequest(p parameters) {
	type request struct {
		ball   ball
		answer chan ball
	}
	requests := make(chan request, 64)
	go func() {
		for request := range requests {
			request.answer <- request.ball
		}
	}()
	rally(p, func(asked ball) ball {
		answer := make(chan ball, 1)
		requests <- request{asked, answer}
		return <-answer
	})
	close(requests)
}

// channelLoad: many goroutines send to one, or to many of which each has a channel of its own.
func channelLoad(p parameters) {
	const messages = 800_000
	senders, receivers := p.get("senders"), p.get("receivers")
	if _, bounded := p["bound"]; !bounded {
		fail("Go's channels are bounded")
	}
	each := messages / senders / receivers
	var all sync.WaitGroup
	all.Add(receivers)
	watch := start()
	inboxes := make([]chan int, receivers)
	received := make([]int, receivers)
	for i := range inboxes {
		inboxes[i] = make(chan int, p.get("bound"))
	}
	var sending sync.WaitGroup
	sending.Add(senders)
	for i := 0; i < senders; i++ {
		go func() {
			defer sending.Done()
			for message := 0; message < each; message++ {
				for _, inbox := range inboxes {
					inbox <- message
				}
			}
		}()
	}
	for i := range inboxes {
		i := i
		go func() {
			defer all.Done()
			for range inboxes[i] {
				received[i]++
			}
		}()
	}
	sending.Wait()
	for _, inbox := range inboxes {
		close(inbox)
	}
	all.Wait()
	counted := watch.stop()
	for _, count := range received {
		if count != senders*each {
			fail("%d of %d messages arrived", count, senders*each)
		}
	}
	counted.per(senders*each*receivers, "message")
}
