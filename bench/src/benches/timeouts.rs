//! `timeouts`: what a time limit adds to a short wait.
//!
//! The root task, alone on its worker, yields again and again, under a time limit of 30 s each time: a timer is started
//! and cancelled while the worker's timers are otherwise empty. A yield is the shortest wait there is; without a wait
//! most runtimes would start no timer at all.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use std::time::Duration;

use crate::bench::{Bench, Case, Measurement};
use crate::stopwatch::Stopwatch;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "timeouts",
    about: "a yield under a time limit of 30 s, by the only task there is",
    reference: "tokio",
    cases: &[Case::new(&[("workers", 1)])],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[],
};

/// The time limit.
const LIMIT: Duration = Duration::from_secs(30);

/// Waits in one sample.
const WAITS: usize = 500_000;

/// What a root task in direct style does; `wait` is one wait with its limit.
fn measure(wait: impl Fn()) -> Vec<Measurement> {
    wait();
    let since = Stopwatch::start();
    for _ in 0..WAITS {
        wait();
    }
    since.stop().per(WAITS, "wait")
}

/// The same for a root task that is a future.
async fn measure_async<F: Future>(wait: impl Fn() -> F) -> Vec<Measurement> {
    wait().await;
    let since = Stopwatch::start();
    for _ in 0..WAITS {
        wait().await;
    }
    since.stop().per(WAITS, "wait")
}
