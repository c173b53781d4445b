//! Who listens to stalls hears of those, and of nothing else; and whatever he does, the runtime goes on.

#[cfg(unix)]
#[path = "support/census_of_unix.rs"]
mod census;
#[cfg(windows)]
#[path = "support/census_of_windows.rs"]
mod census;
#[path = "support/stalls.rs"]
mod stalls;

use fibra::{Builder, Runtime, future, stall::Stall, thread};
use stalls::{Heard, LONG, PATIENCE, block_the_worker, listening};
use std::{
    hint::spin_loop,
    panic,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    time::{Duration, Instant},
};

/// Runs `main` on a runtime of its own, and expects that nobody was found stuck.
#[track_caller]
fn nothing_is_reported(builder: impl FnOnce(Builder) -> Builder, main: impl FnOnce() + Send + 'static) {
    let (listening, stalls, _) = listening();
    builder(listening).run(main);
    // A machine that is busy enough makes small tasks run for long, which counts; but not for as long as all of it takes.
    if let Some(stall) = stalls.into_iter().find(|stall| stall.held_up() > LONG / 10 * 9) {
        panic!("{stall}");
    }
}

#[test]
fn nothing_is_reported_of_workers_that_sleep() {
    nothing_is_reported(|builder| builder.workers(2), || thread::sleep(LONG));
}

#[test]
fn nothing_is_reported_of_many_short_tasks() {
    nothing_is_reported(
        |builder| builder.workers(2),
        || {
            let start = Instant::now();
            while start.elapsed() < LONG {
                let tasks: Vec<_> = (0..1_000).map(|_| future::spawn(async {})).collect();
                tasks.into_iter().for_each(|task| fibra::wait(task).unwrap());
            }
        },
    );
}

#[test]
fn nothing_is_reported_of_a_thread_that_yields() {
    nothing_is_reported(
        |builder| builder.workers(1),
        || {
            let start = Instant::now();
            while start.elapsed() < LONG {
                thread::yield_now();
            }
        },
    );
}

#[test]
fn nothing_is_reported_in_time_that_is_stopped() {
    nothing_is_reported(
        |builder| builder.workers(2).start_paused(true),
        || (0..100).for_each(|_| thread::sleep(Duration::from_secs(3600))),
    );
}

#[test]
fn without_a_monitor_nothing_is_reported() {
    let (builder, stalls, _) = listening();
    let runtime = builder.workers(1).monitor(false).build().unwrap();
    runtime.run(|| std::thread::sleep(LONG));
    assert_eq!(runtime.metrics().stalls, 0);
    drop(runtime);
    assert_eq!(stalls.into_iter().count(), 0);
}

#[test]
fn a_panic_of_who_listens_ends_nothing() {
    let heard = Heard::default();
    let counted = heard.clone();
    let hear = move |_: &Stall| {
        counted.0.fetch_add(1, Ordering::Relaxed);
        panic::resume_unwind(Box::new("who listens panics"));
    };
    let runtime = Builder::new().workers(1).on_stall(hear).build().unwrap();
    for _ in 0..3 {
        let heard = heard.clone();
        runtime.run(move || block_the_worker(&heard));
    }
    assert!(runtime.metrics().stalls >= 2, "one may have been the end of another");
}

#[test]
fn who_listens_is_in_the_runtime() {
    let (sender, receiver) = channel();
    let (sender, heard) = (Mutex::new(sender), Heard::default());
    let counted = heard.clone();
    let hear = move |_: &Stall| {
        let sender = sender.lock().unwrap().clone();
        future::spawn(async move {
            let _ = sender.send(fibra::metrics::snapshot().workers.len());
        });
        counted.0.fetch_add(1, Ordering::Relaxed);
    };
    let runtime = Builder::new().workers(3).on_stall(hear).build().unwrap();
    runtime.run(move || block_the_worker(&heard));
    assert_eq!(receiver.recv_timeout(PATIENCE).unwrap(), runtime.report().workers());
}

#[test]
fn who_listens_may_end_the_runtime() {
    let runtime = Arc::new(Mutex::new(None::<Runtime>));
    let (ended, has_ended) = channel();
    let (ending, ended) = (Arc::clone(&runtime), Mutex::new(ended));
    let hear = move |_: &Stall| {
        if let Some(runtime) = ending.lock().unwrap().take() {
            let outcome = runtime.shutdown(Duration::ZERO, PATIENCE);
            ended.lock().unwrap().send(outcome.is_ok()).unwrap();
        }
    };
    let held = runtime.lock().unwrap();
    let started = Builder::new().workers(1).on_stall(hear).build().unwrap();
    started.spawn(async { std::thread::sleep(LONG) });
    { held }.replace(started);
    assert!(has_ended.recv_timeout(PATIENCE).unwrap());
}

#[test]
fn a_stall_that_outlasts_the_shutdown_does_no_harm() {
    let is_stuck = Arc::new(AtomicBool::new(true));
    let (builder, stalls, _) = listening();
    let runtime = builder.workers(2).build().unwrap();
    let watched = Arc::clone(&is_stuck);
    runtime.spawn(async move {
        while watched.load(Ordering::Relaxed) {
            spin_loop();
        }
    });
    assert!(!stalls.recv_timeout(PATIENCE).unwrap().is_over());
    assert!(runtime.shutdown(Duration::ZERO, Duration::from_millis(50)).is_err());
    // The monitor has ended, and dropped who listened.
    assert_eq!(stalls.recv_timeout(PATIENCE).unwrap_err(), RecvTimeoutError::Disconnected);
    is_stuck.store(false, Ordering::Relaxed);
}

#[test]
fn runtimes_come_and_go_and_leave_no_thread() {
    // The tests here run beside each other, and each has threads.
    let before = census::threads();
    let most = AtomicUsize::new(0);
    for _ in 0..200 {
        Builder::new().workers(1).run(|| ());
        most.fetch_max(census::threads(), Ordering::Relaxed);
    }
    assert!(most.load(Ordering::Relaxed) < before + 100, "monitors are left behind");
}
