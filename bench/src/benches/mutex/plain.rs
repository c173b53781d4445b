//! Locks for threads of the system, used by as many of those as there are tasks.

use std::ops::DerefMut;
use std::thread;

use super::{Contest, shared};
use crate::bench::{Case, Measurement, Subject};
use crate::stopwatch::Stopwatch;

/// Locks that no task can hold over a yield.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("std", "std", std_mutex).only(never_yields),
    #[cfg(feature = "peers")]
    Subject::new("parking_lot", "parking_lot", parking_lot_mutex).only(never_yields),
];

fn never_yields(case: &Case) -> bool {
    case.get("yields") == 0
}

fn std_mutex(case: &Case) -> Vec<Measurement> {
    let mutex = shared(std::sync::Mutex::new(0));
    on_threads(case, || mutex.lock().expect("nobody panics"))
}

#[cfg(feature = "peers")]
fn parking_lot_mutex(case: &Case) -> Vec<Measurement> {
    let mutex = shared(parking_lot::Mutex::new(0));
    on_threads(case, || mutex.lock())
}

fn on_threads<G: DerefMut<Target = u64>>(case: &Case, lock: impl Fn() -> G + Sync) -> Vec<Measurement> {
    let contest = Contest::new(case);
    let since = Stopwatch::start();
    thread::scope(|scope| {
        for _ in 0..contest.tasks {
            scope.spawn(|| contest.take_part(&lock, thread::yield_now));
        }
    });
    contest.measurements(since, *lock())
}
