//! Messages, locks and timers of the runtime, all on one worker.

use super::{Operation, in_a_future, on_one_worker};
use crate::region::{begin, counted, end};
use fibra::{
    future,
    sync::{
        Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread, time,
};
use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

pub const ALL: &[Operation] = &[
    Operation {
        name: "channel-message",
        about: "a message sent and received in one green thread",
        run: messages,
    },
    Operation {
        name: "thread-ping-pong",
        about: "a message to another green thread and one back, each waited for",
        run: ping_pong_of_threads,
    },
    Operation {
        name: "future-ping-pong",
        about: "a message to another future and one back, each waited for",
        run: ping_pong_of_futures,
    },
    Operation { name: "mutex-lock", about: "lock and unlock of a mutex that is free", run: locks },
    Operation {
        name: "sleep-drop",
        about: "a sleep of a future, started and dropped, and a yield",
        run: sleeps,
    },
];

const MESSAGES: usize = 10_000;
const LOCKS: usize = 20_000;
const SLEEPS: usize = 10_000;

/// A message at a time: the channel is empty before and after.
fn messages() -> usize {
    on_one_worker(|| {
        let (sender, receiver) = channel();
        counted(MESSAGES, MESSAGES, |messages| {
            for message in 0..messages {
                sender.send(message).expect("the receiver is here");
                receiver.recv().expect("the message is here");
            }
        })
    })
}

/// A round trip is one: two messages, and both sides wait for each.
fn ping_pong_of_threads() -> usize {
    on_one_worker(|| {
        let (ping, pinged) = channel();
        let (pong, ponged) = channel();
        let other = thread::spawn(move || {
            for message in pinged {
                pong.send(message).expect("the receiver lives longer");
            }
        });
        let rounds = counted(MESSAGES, MESSAGES, |rounds| {
            for round in 0..rounds {
                ping.send(round).expect("the receiver lives longer");
                ponged.recv().expect("the sender lives longer");
            }
        });
        drop(ping);
        other.join().expect("the body doesn't panic");
        rounds
    })
}

fn ping_pong_of_futures() -> usize {
    async fn rounds(ping: &mut Sender<usize>, ponged: &mut Receiver<usize>) {
        for round in 0..MESSAGES {
            ping.send(round).expect("the receiver lives longer");
            ponged.recv_async().await.expect("the sender lives longer");
        }
    }
    in_a_future(async {
        let (mut ping, mut pinged) = channel();
        let (pong, mut ponged) = channel();
        let other = future::spawn(async move {
            while let Ok(message) = pinged.recv_async().await {
                pong.send(message).expect("the receiver lives longer");
            }
        });
        rounds(&mut ping, &mut ponged).await;
        begin();
        rounds(&mut ping, &mut ponged).await;
        end();
        drop(ping);
        other.await.expect("the body doesn't panic");
        MESSAGES
    })
}

fn locks() -> usize {
    on_one_worker(|| {
        let mutex = Mutex::new(0);
        counted(LOCKS, LOCKS, |locks| {
            for _ in 0..locks {
                *mutex.lock().expect("nobody panics") += 1;
            }
        })
    })
}

/// A timer that is inserted by the first poll, and taken back by the drop. What is left of it goes when the worker looks at
/// its driver; for that the future has to let it.
fn sleeps() -> usize {
    async fn many() {
        for _ in 0..SLEEPS {
            let mut sleep = pin!(time::sleep(Duration::from_secs(60)));
            let is_over = poll_fn(|context| Poll::Ready(sleep.as_mut().poll(context).is_ready())).await;
            assert!(!is_over, "a minute doesn't pass while the clock stands still");
            future::yield_now().await;
        }
    }
    in_a_future(async {
        many().await;
        begin();
        many().await;
        end();
        SLEEPS
    })
}
