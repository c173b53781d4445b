//! A task's life: its spawn and end, its wakes, and its turns with others.

use super::{Operation, in_a_future, on_one_worker};
use crate::region::{begin, counted, end};
use fibra::{future, thread, wait};
use std::{
    future::poll_fn,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::{Poll, Waker},
};

pub const ALL: &[Operation] = &[
    Operation {
        name: "thread-spawn",
        about: "spawn and join of a green thread, 10,000 in flight",
        run: spawn_threads,
    },
    Operation {
        name: "future-spawn",
        about: "spawn and join of a future, 10,000 in flight",
        run: spawn_futures,
    },
    Operation {
        name: "thread-spawn-alone",
        about: "spawn and join of a green thread, one after the other",
        run: spawn_a_thread,
    },
    Operation {
        name: "future-spawn-alone",
        about: "spawn and join of a future, one after the other",
        run: spawn_a_future,
    },
    Operation {
        name: "thread-wake",
        about: "a green thread unparks another one, and parks",
        run: wake_threads,
    },
    Operation { name: "future-wake", about: "a future wakes another one, and is pending", run: wake_futures },
    Operation { name: "thread-yield", about: "a yield of a green thread, among 1,000", run: yield_threads },
    Operation { name: "future-yield", about: "a yield of a future, among 1,000", run: yield_futures },
];

const IN_FLIGHT: usize = 10_000;
/// One after the other.
const ALONE: usize = 10_000;
const WAKES: usize = 10_000;
/// Tasks that take turns, and how many turns each takes.
const TASKS: usize = 1_000;
const TURNS: usize = 100;

fn spawn_threads() -> usize {
    on_one_worker(|| {
        counted(IN_FLIGHT, IN_FLIGHT, |tasks| {
            let handles: Vec<_> = (0..tasks).map(|_| thread::spawn(|| {})).collect();
            for handle in handles {
                handle.join().expect("an empty body doesn't panic");
            }
        })
    })
}

fn spawn_futures() -> usize {
    async fn batch() {
        let handles: Vec<_> = (0..IN_FLIGHT).map(|_| future::spawn(async {})).collect();
        for handle in handles {
            handle.await.expect("an empty body doesn't panic");
        }
    }
    in_a_future(async {
        batch().await;
        begin();
        batch().await;
        end();
        IN_FLIGHT
    })
}

fn spawn_a_thread() -> usize {
    on_one_worker(|| {
        counted(ALONE, ALONE, |tasks| {
            for _ in 0..tasks {
                thread::spawn(|| {}).join().expect("an empty body doesn't panic");
            }
        })
    })
}

fn spawn_a_future() -> usize {
    async fn one_by_one() {
        for _ in 0..ALONE {
            future::spawn(async {}).await.expect("an empty body doesn't panic");
        }
    }
    in_a_future(async {
        one_by_one().await;
        begin();
        one_by_one().await;
        end();
        ALONE
    })
}

/// Two that wake each other: a round is two wakes.
fn wake_threads() -> usize {
    on_one_worker(|| {
        let is_over = Arc::new(AtomicBool::new(false));
        let (first, shared) = (thread::current(), Arc::clone(&is_over));
        let second = thread::spawn(move || {
            while !shared.load(Relaxed) {
                first.unpark();
                thread::park();
            }
        });
        let wakes = counted(WAKES, WAKES, |rounds| {
            for _ in 0..rounds {
                second.thread().unpark();
                thread::park();
            }
        }) * 2;
        is_over.store(true, Relaxed);
        second.thread().unpark();
        second.join().expect("the body doesn't panic");
        wakes
    })
}

/// Two futures that know each other's wakers.
#[derive(Default)]
struct Couple {
    wakers: [OnceLock<Waker>; 2],
    polls: AtomicUsize,
}

impl Couple {
    /// Wakes the other one whenever it is woken. Of all wakes, the second `WAKES` count.
    async fn member(self: Arc<Self>, own: usize) {
        poll_fn(|context| {
            let polls = self.polls.fetch_add(1, Relaxed);
            if polls == WAKES {
                begin();
            } else if polls == 2 * WAKES {
                end();
            }
            self.wakers[own].get_or_init(|| context.waker().clone());
            if let Some(other) = self.wakers[1 - own].get() {
                other.wake_by_ref();
            }
            if polls < 2 * WAKES { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }
}

fn wake_futures() -> usize {
    on_one_worker(|| {
        let couple = Arc::new(Couple::default());
        let members = [0, 1].map(|own| future::spawn(Arc::clone(&couple).member(own)));
        for member in members {
            wait(member).expect("the body doesn't panic");
        }
        WAKES
    })
}

/// Everybody's turns together.
#[derive(Default)]
struct Turns {
    taken: AtomicUsize,
    over: AtomicBool,
}

impl Turns {
    /// Takes one. `false`: it was the last.
    fn take(&self) -> bool {
        self.taken.fetch_add(1, Relaxed);
        !self.over.load(Relaxed)
    }

    fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }
}

fn yield_threads() -> usize {
    on_one_worker(|| {
        let turns = Arc::new(Turns::default());
        let spawn = |_| {
            let turns = Arc::clone(&turns);
            thread::spawn(move || {
                while turns.take() {
                    thread::yield_now();
                }
            })
        };
        let others: Vec<_> = (1..TASKS).map(spawn).collect();
        let mut before = 0;
        counted(TURNS, TURNS, |rounds| {
            before = turns.taken();
            for _ in 0..rounds {
                turns.take();
                thread::yield_now();
            }
        });
        let taken = turns.taken() - before;
        turns.over.store(true, Relaxed);
        for other in others {
            other.join().expect("the body doesn't panic");
        }
        taken
    })
}

fn yield_futures() -> usize {
    async fn rounds(turns: &Turns) -> usize {
        let before = turns.taken();
        for _ in 0..TURNS {
            turns.take();
            future::yield_now().await;
        }
        turns.taken() - before
    }
    in_a_future(async {
        let turns = Arc::new(Turns::default());
        let spawn = |_| {
            let turns = Arc::clone(&turns);
            future::spawn(async move {
                while turns.take() {
                    future::yield_now().await;
                }
            })
        };
        let others: Vec<_> = (1..TASKS).map(spawn).collect();
        rounds(&turns).await;
        begin();
        let taken = rounds(&turns).await;
        end();
        turns.over.store(true, Relaxed);
        for other in others {
            other.await.expect("the body doesn't panic");
        }
        taken
    })
}
