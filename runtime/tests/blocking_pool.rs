//! Work that blocks has no more threads than the builder allows, and they end when they have been idle for long enough.

use fibra::{Builder, RuntimeError, thread, unblock};
use std::{
    collections::HashSet,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const LIMIT: usize = 2;
const JOBS: usize = 8;

/// Jobs that wait for each other in pairs, so that the limit is reached, for a moment in which others would start.
#[test]
fn no_more_jobs_run_at_once_than_there_may_be_threads() {
    static PAIR: Barrier = Barrier::new(LIMIT);
    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let job = || {
        MOST.fetch_max(RUNNING.fetch_add(1, SeqCst) + 1, SeqCst);
        PAIR.wait();
        std::thread::sleep(Duration::from_millis(5));
        RUNNING.fetch_sub(1, SeqCst);
        std::thread::current().id()
    };
    let threads = Builder::new().max_blocking_threads(LIMIT).run(move || {
        let jobs: Vec<_> = (0..JOBS).map(|_| thread::spawn(move || unblock(job))).collect();
        jobs.into_iter().map(|job| job.join().unwrap()).collect::<HashSet<_>>()
    });
    assert_eq!((threads.len(), MOST.load(SeqCst)), (LIMIT, LIMIT));
}

#[test]
fn a_thread_ends_once_it_has_been_idle_for_the_time_that_was_set() {
    let builder = Builder::new().max_blocking_threads(1).blocking_keep_alive(Duration::from_millis(1));
    let was_replaced = builder.run(|| {
        let first = unblock(|| std::thread::current().id());
        (0..100).any(|_| {
            thread::sleep(Duration::from_millis(10));
            unblock(|| std::thread::current().id()) != first
        })
    });
    assert!(was_replaced);
}

#[test]
fn no_threads_at_all_are_refused() {
    let refused = Builder::new().max_blocking_threads(0).build();
    assert!(matches!(refused, Err(RuntimeError::Setting(text)) if text.contains("at least 1")));
}
