//! The limit: plain threads that share a counter.

use std::sync::Barrier;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use std::thread;

use super::Load;
use crate::bench::{Case, Measurement, Subject};
use crate::work;

pub const SUBJECTS: &[Subject] = &[Subject::new("plain threads", "std", plain_threads)];

fn plain_threads(case: &Case) -> Vec<Measurement> {
    let load = Load::of(case);
    let left = AtomicIsize::new(0);
    let barrier = Barrier::new(load.workers);
    // What each thread does of a batch: whatever the others leave.
    let share = || {
        barrier.wait();
        while left.fetch_sub(1, Relaxed) > 0 {
            work::compute(load.microseconds);
        }
        barrier.wait();
    };
    let batch = |load: Load| {
        left.store(load.tasks as isize, Relaxed);
        share();
    };
    thread::scope(|scope| {
        // The thread that hands the batches out works on them too, as a root task's worker does.
        for _ in 1..load.workers {
            scope.spawn(|| {
                (0..=load.batches()).for_each(|_| share());
                // The kernel has forgotten what it counted for a thread that has ended.
                barrier.wait();
            });
        }
        let measurements = load.measure(batch);
        barrier.wait();
        measurements
    })
}
