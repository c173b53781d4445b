//! `spawn`: what a task with an empty body costs from its spawn to the end of its join.
//!
//! A task of the measured runtime spawns 10,000 tasks, keeps their handles, and joins them in order. Spawning starts
//! inside the runtime, where a spawn goes to the worker's own queue: from outside, every runtime would be measured by
//! its injector instead. Time is counted from the first spawn to the last join, over [`BATCHES`] batches after one
//! uncounted, and divided by the number of tasks.

use crate::bench::{Bench, Case, Measurement, Subject};
use crate::go;
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
    subjects: &[&[
        Subject::new("fibra thread", "fibra", fibra_thread),
        Subject::new("fibra future", "fibra", fibra_future),
        Subject::new("tokio", "tokio", tokio_multi_thread),
        Subject::new("tokio current-thread", "tokio", tokio_current_thread)
            .only(|case| case.get("workers") == 1),
        Subject::new("may", "may", may_coroutine),
        Subject::new("Go", "Go", |case| go::sample(BENCH.name, case)).needs("go"),
    ]],
    targets: &[],
};

/// Batches of tasks in one sample.
const BATCHES: usize = 20;

fn fibra_thread(case: &Case) -> Vec<Measurement> {
    fn batch(in_flight: usize) {
        let handles: Vec<_> = (0..in_flight).map(|_| fibra::thread::spawn(|| {})).collect();
        for handle in handles {
            handle.join().expect("an empty body doesn't panic");
        }
    }
    let in_flight = case.count("in_flight");
    let root = move || {
        batch(in_flight);
        let stopwatch = Stopwatch::start();
        for _ in 0..BATCHES {
            batch(in_flight);
        }
        stopwatch.stop()
    };
    let span = fibra::Builder::new().workers(case.count("workers")).run(root);
    span.per(in_flight * BATCHES, "task")
}

fn fibra_future(case: &Case) -> Vec<Measurement> {
    async fn batch(in_flight: usize) {
        let handles: Vec<_> = (0..in_flight).map(|_| fibra::future::spawn(async {})).collect();
        for handle in handles {
            handle.await.expect("an empty body doesn't panic");
        }
    }
    let in_flight = case.count("in_flight");
    let root = async move {
        batch(in_flight).await;
        let stopwatch = Stopwatch::start();
        for _ in 0..BATCHES {
            batch(in_flight).await;
        }
        stopwatch.stop()
    };
    let join = move || fibra::wait(fibra::future::spawn(root)).expect("the root future doesn't panic");
    let span = fibra::Builder::new().workers(case.count("workers")).run(join);
    span.per(in_flight * BATCHES, "task")
}

fn tokio_multi_thread(case: &Case) -> Vec<Measurement> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    tokio_on(&builder.worker_threads(case.count("workers")).build().expect("tokio starts"), case)
}

fn tokio_current_thread(case: &Case) -> Vec<Measurement> {
    tokio_on(&tokio::runtime::Builder::new_current_thread().build().expect("tokio starts"), case)
}

fn tokio_on(runtime: &tokio::runtime::Runtime, case: &Case) -> Vec<Measurement> {
    async fn batch(in_flight: usize) {
        let handles: Vec<_> = (0..in_flight).map(|_| tokio::spawn(async {})).collect();
        for handle in handles {
            handle.await.expect("an empty body doesn't panic");
        }
    }
    let in_flight = case.count("in_flight");
    let root = runtime.spawn(async move {
        batch(in_flight).await;
        let stopwatch = Stopwatch::start();
        for _ in 0..BATCHES {
            batch(in_flight).await;
        }
        stopwatch.stop()
    });
    runtime.block_on(root).expect("the root task doesn't panic").per(in_flight * BATCHES, "task")
}

/// may keeps 1,000 stacks by default; with fewer pooled than are in flight it would map and unmap one for each task.
fn may_coroutine(case: &Case) -> Vec<Measurement> {
    fn batch(in_flight: usize) {
        // SAFETY: the body is empty: it touches no thread-local and needs next to no stack.
        let handles: Vec<_> = (0..in_flight).map(|_| unsafe { may::coroutine::spawn(|| {}) }).collect();
        for handle in handles {
            handle.join().expect("an empty body doesn't panic");
        }
    }
    let in_flight = case.count("in_flight");
    may::config().set_workers(case.count("workers")).set_pool_capacity(in_flight + 1);
    let body = move || {
        batch(in_flight);
        let stopwatch = Stopwatch::start();
        for _ in 0..BATCHES {
            batch(in_flight);
        }
        stopwatch.stop()
    };
    // SAFETY: the body reaches no thread-local across a switch (the clocks are read between switches), and its frames
    // are far smaller than a stack.
    let root = unsafe { may::coroutine::spawn(body) };
    root.join().expect("the root coroutine doesn't panic").per(in_flight * BATCHES, "task")
}
