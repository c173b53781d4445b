//! `mutex`: what it costs to lock and unlock, alone and against others.
//!
//! So many tasks lock one mutex in a loop, count up what it holds, and unlock it. With `yields`, each holds it over one
//! yield, so that the others find it locked and have to wait: that is what locks for tasks are made for, and on one
//! worker there is no contention otherwise. (The holder yields to nobody then; tokio asks its driver for events instead.)
//! Locks for threads can't be held that way; those of std and parking_lot stand beside the others for reference, used by
//! as many threads of the system as there are tasks.

mod ours;
#[cfg(feature = "peers")]
mod peers;
mod plain;

use std::ops::DerefMut;

use crate::bench::{Bench, Case, Measurement};
use crate::stopwatch::Stopwatch;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "mutex",
    about: "a lock and unlock of one mutex by so many tasks, which hold it over so many yields",
    reference: "tokio",
    cases: &[
        Case::new(&[("tasks", 1), ("yields", 0), ("workers", 1)]),
        Case::new(&[("tasks", 8), ("yields", 1), ("workers", 1)]),
        Case::new(&[("tasks", 8), ("yields", 0), ("workers", 2)]),
        Case::new(&[("tasks", 8), ("yields", 1), ("workers", 2)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
        plain::SUBJECTS,
    ],
    targets: &[],
};

/// Who locks how often, and what for.
#[derive(Clone, Copy)]
struct Contest {
    tasks: usize,
    /// How often each of them locks.
    locks: usize,
    /// Over how many yields it holds the lock each time.
    yields: u64,
}

impl Contest {
    fn new(case: &Case) -> Self {
        let (tasks, yields) = (case.count("tasks"), case.get("yields"));
        let locks = if tasks == 1 { 5_000_000 } else { 800_000 };
        Self { tasks, locks: locks / tasks, yields }
    }

    /// What each task in direct style does.
    fn take_part<G: DerefMut<Target = u64>>(self, lock: impl Fn() -> G, yield_now: impl Fn()) {
        for _ in 0..self.locks {
            let mut guard = lock();
            *guard += 1;
            for _ in 0..self.yields {
                yield_now();
            }
        }
    }

    /// What each task does that is a future.
    async fn take_part_async<L, Y>(self, lock: impl Fn() -> L, yield_now: impl Fn() -> Y)
    where
        L: Future<Output: DerefMut<Target = u64>>,
        Y: Future,
    {
        for _ in 0..self.locks {
            let mut guard = lock().await;
            *guard += 1;
            for _ in 0..self.yields {
                yield_now().await;
            }
        }
    }

    /// What was measured, once all tasks have ended; `counted` is what the mutex holds then.
    fn measurements(self, since: Stopwatch, counted: u64) -> Vec<Measurement> {
        let span = since.stop();
        assert_eq!(counted, (self.locks * self.tasks) as u64, "nobody's count is lost");
        span.per(self.locks * self.tasks, "lock")
    }
}

/// A mutex for as long as the process lives, so that every task can borrow it.
fn shared<M>(mutex: M) -> &'static M {
    Box::leak(Box::new(mutex))
}
