//! Each test states one promise of the pool.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::ThreadId;

/// A pool whose first `allowed` threads start, and no more after them.
fn pool_of_few_threads(allowed: usize) -> Offload {
    let left = AtomicUsize::new(allowed);
    let start: StartThread = Box::new(move |body| {
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .map_err(|_| io::Error::from(io::ErrorKind::WouldBlock))?;
        thread::Builder::new().spawn(body).map(drop)
    });
    Offload::with_start(512, Duration::from_secs(60), start)
}

fn pool(max_threads: usize, keep_alive: Duration) -> Offload {
    Offload::new(OffloadConfig { max_threads, keep_alive, ..OffloadConfig::default() })
}

/// A job that says that it runs, and waits until its half of the gate is dropped.
fn gated_job(running: &mpsc::Sender<()>) -> (impl FnOnce() + Send + use<>, mpsc::Sender<()>) {
    let (open, gate) = mpsc::channel::<()>();
    let running = running.clone();
    let job = move || {
        running.send(()).expect("the test listens");
        assert!(gate.recv().is_err(), "the gate opens by being dropped");
    };
    (job, open)
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Waits, without a limit in time, until the pool says so.
fn eventually(pool: &Offload, holds: impl Fn(OffloadStats) -> bool) {
    while !holds(pool.stats()) {
        thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn every_job_runs_exactly_once() {
    let pool = pool(4, Duration::from_secs(60));
    let runs: Arc<Vec<AtomicUsize>> = Arc::new((0..2_000).map(|_| AtomicUsize::new(0)).collect());
    thread::scope(|scope| {
        for part in 0..4 {
            let (pool, runs) = (pool.clone(), Arc::clone(&runs));
            scope.spawn(move || {
                for index in part * 500..(part + 1) * 500 {
                    let runs = Arc::clone(&runs);
                    pool.execute(move || count(&runs[index])).expect("open");
                }
            });
        }
    });
    assert!(pool.shutdown(Duration::MAX));
    assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1));
    assert_eq!(pool.stats().executed, 2_000);
}

#[test]
fn a_job_gets_a_new_thread_only_if_none_is_idle() {
    let pool = pool(8, Duration::from_secs(60));
    for _ in 0..20 {
        pool.execute(|| ()).expect("open");
        eventually(&pool, |stats| stats.idle == stats.threads);
    }
    assert_eq!(pool.stats().threads, 1);

    let (running, is_running) = mpsc::channel();
    let gates: Vec<_> = (0..3)
        .map(|_| {
            let (job, gate) = gated_job(&running);
            pool.execute(job).expect("open");
            gate
        })
        .collect();
    // All three run at once, so two were started for them.
    (0..3).for_each(|_| is_running.recv().expect("it runs"));
    assert_eq!(pool.stats().threads, 3);
    drop(gates);
}

#[test]
fn a_full_pool_queues() {
    let pool = pool(2, Duration::from_secs(60));
    let (running, is_running) = mpsc::channel();
    let (first, first_gate) = gated_job(&running);
    let (second, second_gate) = gated_job(&running);
    pool.execute(first).expect("open");
    pool.execute(second).expect("open");
    (0..2).for_each(|_| is_running.recv().expect("it runs"));

    let done = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let done = Arc::clone(&done);
        pool.execute(move || count(&done)).expect("a full pool takes jobs");
    }
    assert_eq!((pool.stats().threads, pool.stats().queued), (2, 100));
    assert_eq!(done.load(Ordering::Relaxed), 0);

    drop((first_gate, second_gate));
    assert!(pool.shutdown(Duration::MAX));
    assert_eq!(done.load(Ordering::Relaxed), 100);
}

#[test]
fn the_pool_shrinks_to_nothing_after_its_keep_alive_and_grows_again() {
    let pool = pool(8, Duration::from_millis(2));
    for _ in 0..3 {
        let (sender, receiver) = mpsc::channel();
        pool.execute(move || sender.send(()).expect("the test listens")).expect("open");
        receiver.recv().expect("it runs");
        eventually(&pool, |stats| stats.threads == 0);
    }
    assert_eq!(pool.stats().executed, 3);
}

#[test]
fn a_light_load_wakes_the_thread_that_went_idle_last_so_that_the_others_can_end() {
    let pool = pool(8, Duration::from_secs(60));
    let (running, is_running) = mpsc::channel();
    let mut gates = Vec::new();
    for _ in 0..4 {
        let (job, gate) = gated_job(&running);
        pool.execute(job).expect("open");
        is_running.recv().expect("it runs");
        gates.push(gate);
    }
    for (ended, gate) in gates.into_iter().enumerate() {
        drop(gate);
        eventually(&pool, |stats| stats.idle == ended + 1);
    }
    let used: std::collections::HashSet<ThreadId> = (0..20)
        .map(|_| {
            let (sender, receiver) = mpsc::channel();
            pool.execute(move || sender.send(thread::current().id()).expect("the test listens"))
                .expect("open");
            let id = receiver.recv().expect("it runs");
            eventually(&pool, |stats| stats.idle == 4);
            id
        })
        .collect();
    assert_eq!(used.len(), 1);
}

#[test]
fn a_stray_unpark_does_not_end_an_idle_thread() {
    let pool = pool(1, Duration::from_secs(60));
    let (sender, receiver) = mpsc::channel();
    pool.execute(move || sender.send(thread::current()).expect("the test listens")).expect("open");
    let thread = receiver.recv().expect("it runs");
    for _ in 0..20 {
        thread.unpark();
        thread::yield_now();
    }
    let (sender, receiver) = mpsc::channel();
    pool.execute(move || sender.send(thread::current().id()).expect("the test listens")).expect("open");
    assert_eq!(receiver.recv(), Ok(thread.id()));
}

#[test]
fn without_any_thread_a_job_comes_back_to_its_caller() {
    let pool = pool_of_few_threads(0);
    let (sender, receiver) = mpsc::channel();
    let error = pool.execute(move || sender.send(7).expect("the test listens")).expect_err("no thread");
    assert!(!error.is_shut_down());
    assert_eq!(pool.stats().queued, 0, "a job that came back must not run a second time");
    error.into_job()();
    assert_eq!(receiver.recv(), Ok(7));
}

#[test]
fn with_one_thread_alive_a_job_waits_for_it_when_no_other_can_start() {
    let pool = pool_of_few_threads(1);
    let (running, is_running) = mpsc::channel();
    let (job, gate) = gated_job(&running);
    pool.execute(job).expect("the first thread starts");
    is_running.recv().expect("it runs");

    let (sender, receiver) = mpsc::channel();
    pool.execute(move || sender.send(7).expect("the test listens")).expect("a thread lives");
    assert_eq!((pool.stats().failed_starts, pool.stats().queued), (1, 1));
    drop(gate);
    assert_eq!(receiver.recv(), Ok(7));
}

#[test]
fn the_error_of_a_refused_thread_never_reads_as_would_block() {
    let error = pool_of_few_threads(0).execute(|| ()).expect_err("no thread");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::Other);
}

#[test]
fn a_panic_in_a_job_ends_nothing_but_the_job() {
    struct PanicsInDrop;
    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            panic!("the destructor of a payload");
        }
    }
    let pool = pool(1, Duration::from_secs(60));
    let (sender, receiver) = mpsc::channel();
    let report = sender.clone();
    pool.execute(move || report.send(thread::current().id()).expect("the test listens")).expect("open");
    pool.execute(|| panic!("a job")).expect("open");
    pool.execute(|| std::panic::panic_any(PanicsInDrop)).expect("open");
    pool.execute(move || sender.send(thread::current().id()).expect("the test listens")).expect("open");
    assert_eq!(receiver.recv(), receiver.recv(), "the same thread ran on");
    eventually(&pool, |stats| stats.executed == 4);
    assert_eq!(pool.stats().panicked, 2);
}

#[test]
fn after_the_last_clone_queued_jobs_run_and_the_threads_end() {
    let pool = pool(1, Duration::from_secs(3_600));
    let shared = Arc::clone(&pool.owner.shared);
    let clone = pool.clone();
    drop(pool);
    let (running, is_running) = mpsc::channel();
    let (job, gate) = gated_job(&running);
    clone.execute(job).expect("a clone is left");
    is_running.recv().expect("it runs");
    let (sender, receiver) = mpsc::channel();
    clone.execute(move || sender.send(7).expect("the test listens")).expect("a clone is left");

    drop(clone);
    drop(gate);
    assert_eq!(receiver.recv(), Ok(7));
    let state = shared.all_ended.wait_while(shared.lock(), |state| state.alive > 0);
    assert!(state.expect("not poisoned").idle.is_empty());
}

#[test]
fn idle_threads_end_with_the_pool_not_with_their_keep_alive() {
    let pool = pool(4, Duration::from_secs(3_600));
    pool.execute(|| ()).expect("open");
    eventually(&pool, |stats| stats.idle == 1);
    assert!(pool.shutdown(Duration::MAX));
    assert_eq!(pool.stats().threads, 0);
}

#[test]
fn a_job_may_hold_the_last_clone() {
    let pool = pool(1, Duration::from_secs(3_600));
    let shared = Arc::clone(&pool.owner.shared);
    let own = pool.clone();
    let (open, gate) = mpsc::channel::<()>();
    pool.execute(move || {
        assert!(gate.recv().is_err(), "the gate opens by being dropped");
        drop(own);
    })
    .expect("open");
    drop(pool);
    drop(open);
    drop(shared.all_ended.wait_while(shared.lock(), |state| state.alive > 0));
    assert_eq!(shared.lock().panicked, 0);
}

#[test]
fn shutdown_says_when_a_job_outlasts_it() {
    let pool = pool(1, Duration::from_secs(60));
    let (running, is_running) = mpsc::channel();
    let (job, gate) = gated_job(&running);
    pool.execute(job).expect("open");
    is_running.recv().expect("it runs");
    assert!(!pool.shutdown(Duration::from_millis(1)));
    assert!(pool.execute(|| ()).is_err_and(|error| error.is_shut_down()));
    drop(gate);
    assert!(pool.shutdown(Duration::MAX));
}
