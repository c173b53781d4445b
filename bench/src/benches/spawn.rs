//! `spawn`: what a task with an empty body costs from its spawn to the end of its join.
//!
//! A task of the measured runtime spawns 10,000 tasks, keeps their handles, and joins them in order. Spawning starts
//! inside the runtime, where a spawn goes to the worker's own queue: from outside, every runtime would be measured by
//! its injector instead. Time is counted from the first spawn to the last join, over [`BATCHES`] batches after one
//! uncounted, and divided by the number of tasks.
//!
//! Runtimes that keep a thread to itself spawn futures that need not be `Send`, and take part with one worker alone.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};
use crate::stopwatch::Stopwatch;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "spawn",
    about: "spawn and join of a task with an empty body, all spawned before the first join",
    reference: "tokio",
    cases: &[
        Case::new(&[("in_flight", 10_000), ("workers", 1)]),
        Case::new(&[("in_flight", 10_000), ("workers", 2)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[
        target("fibra future", on_one_worker, "tokio", 0.25),
        target("fibra thread", on_one_worker, "tokio", 0.5),
        target("fibra thread", on_one_worker, "may", 0.12),
        target("fibra future", on_two_workers, "smol", 0.5),
        target("fibra future", on_two_workers, "Go", 0.5),
        target("fibra thread", on_two_workers, "smol", 0.5),
        target("fibra thread", on_two_workers, "Go", 0.5),
    ],
};

const fn target(
    subject: &'static str,
    applies: fn(&Case) -> bool,
    peer: &'static str,
    at_most: f64,
) -> Target {
    let (against, limit) = (Against::Subject(peer), Limit::AtMost(at_most));
    Target { subject, metric: "time", applies, against, limit }
}

fn on_one_worker(case: &Case) -> bool {
    case.get("workers") == 1
}

fn on_two_workers(case: &Case) -> bool {
    case.get("workers") == 2
}

/// Batches of tasks in one sample.
const BATCHES: usize = 20;

/// What a root task in direct style does; `batch` spawns so many tasks and joins them.
fn measure(in_flight: usize, batch: impl Fn(usize)) -> Vec<Measurement> {
    batch(in_flight);
    let stopwatch = Stopwatch::start();
    for _ in 0..BATCHES {
        batch(in_flight);
    }
    stopwatch.stop().per(in_flight * BATCHES, "task")
}

/// The same for a root task that is a future.
async fn measure_async<F: Future>(in_flight: usize, batch: impl Fn(usize) -> F) -> Vec<Measurement> {
    batch(in_flight).await;
    let stopwatch = Stopwatch::start();
    for _ in 0..BATCHES {
        batch(in_flight).await;
    }
    stopwatch.stop().per(in_flight * BATCHES, "task")
}
