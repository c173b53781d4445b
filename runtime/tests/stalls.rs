//! A worker that is stuck in a task is seen, and named with its place; others take what they can.

#[cfg(unix)]
#[path = "support/census_of_unix.rs"]
mod census;
#[cfg(windows)]
#[path = "support/census_of_windows.rs"]
mod census;
#[cfg(unix)]
#[path = "support/system_of_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "support/system_of_windows.rs"]
mod system;

use fibra::{Builder, Runtime, future, stall::Stall, thread, time};
use std::{
    backtrace::Backtrace,
    hint::spin_loop,
    io::ErrorKind,
    panic,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

/// Long enough to be seen.
const LONG: Duration = Duration::from_millis(1000);
/// How long "never" is.
const PATIENCE: Duration = Duration::from_secs(60);

/// Counts what was heard of stalls.
#[derive(Clone, Default)]
struct Heard(Arc<AtomicUsize>);

impl Heard {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A builder whose stalls come out of the receiver.
fn listening() -> (Builder, Receiver<Stall>, Heard) {
    let (sender, stalls) = channel();
    let (sender, heard) = (Mutex::new(sender), Heard::default());
    let counted = heard.clone();
    let hear = move |stall: &Stall| {
        let _ = sender.lock().unwrap().send(stall.clone());
        counted.0.fetch_add(1, Ordering::Relaxed);
    };
    (Builder::new().on_stall(hear), stalls, heard)
}

/// The next stall of the green thread called `name`: others may be seen on a machine that is busy enough.
fn next_of(stalls: &Receiver<Stall>, name: &str) -> Stall {
    loop {
        let stall = stalls.recv_timeout(PATIENCE).expect("a stall is reported");
        if stall.task() == format!("green thread '{name}'") {
            return stall;
        }
    }
}

fn spawn<T: Send + 'static>(name: &str, body: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::Builder::new().name(name.into()).spawn(body).unwrap()
}

/// Whether this system lets a thread be asked where it is: Linux and Windows do. Elsewhere no stall says in which task it is.
fn can_be_asked() -> bool {
    let refused = fibra_coro::snapshot::admit().err();
    assert!(refused.as_ref().is_none_or(|error| error.kind() == ErrorKind::Unsupported), "{refused:?}");
    refused.is_none()
}

fn names(stall: &Stall, function: &str) -> bool {
    stall.places().iter().any(|place| place.function().is_some_and(|name| name.contains(function)))
}

/// Whether lines of this file are known: it may have been compiled without.
fn has_lines() -> bool {
    Backtrace::force_capture().to_string().contains("stalls.rs:")
}

/// Blocks the worker until somebody has heard of it.
#[inline(never)]
fn block_the_worker(heard: &Heard) {
    let before = heard.count();
    while heard.count() == before {
        std::thread::sleep(LONG / 5);
    }
}

#[test]
fn a_task_that_blocks_its_worker_is_named_with_its_place() {
    if !can_be_asked() {
        return;
    }
    let (builder, stalls, heard) = listening();
    builder.workers(1).run(move || spawn("mapper", move || block_the_worker(&heard)).join().unwrap());
    let found = next_of(&stalls, "mapper");
    assert!(!found.is_over() && found.held_up() < PATIENCE, "{found}");
    let over = next_of(&stalls, "mapper");
    assert!(over.is_over() && over.held_up() >= found.held_up(), "{over}");
    if cfg!(feature = "symbols") {
        assert!(names(&found, "block_the_worker"), "{found}");
        assert!(found.to_string().contains("stalls.rs:") || !has_lines(), "{found}");
        assert!(!found.to_string().contains("catch_unwind"), "the runtime's own calls are left out: {found}");
    } else {
        assert!(found.to_string().contains("program+0x"), "{found}");
    }
    assert!(found.blocked_in().is_some() || !system::ALWAYS_TELLS_THE_CALL, "{found}");
    if let Some(call) = found.blocked_in() {
        assert!(call.name().is_some_and(|name| system::SLEEPS.contains(&name)) && !call.is_lock(), "{found}");
        assert_eq!(found.to_string().contains("a sleep of the OS thread"), call.is_sleep(), "{found}");
    }
}

#[test]
fn a_stall_that_ends_with_its_runtime_is_told_to_be_over() {
    let (sender, told) = channel();
    let (sender, heard) = (Mutex::new(sender), Heard::default());
    let counted = heard.clone();
    let hear = move |stall: &Stall| {
        sender.lock().unwrap().send(stall.is_over()).unwrap();
        counted.0.fetch_add(1, Ordering::Relaxed);
        // The task goes on, and the runtime ends, while the monitor is still here.
        std::thread::sleep(LONG);
    };
    let builder = Builder::new().on_stall(hear).workers(1);
    builder.run(move || spawn("mapper", move || block_the_worker(&heard)).join().unwrap());
    let (over, found): (Vec<_>, Vec<_>) = told.iter().partition(|&is_over| is_over);
    assert!(!found.is_empty());
    assert_eq!(found.len(), over.len());
}

#[inline(never)]
fn compute_for_long(heard: &Heard) {
    while heard.count() == 0 {
        spin_loop();
    }
}

#[test]
fn a_task_that_computes_for_long_is_found_too() {
    if !can_be_asked() {
        return;
    }
    let (builder, stalls, heard) = listening();
    builder.workers(1).run(move || spawn("solver", move || compute_for_long(&heard)).join().unwrap());
    let found = next_of(&stalls, "solver");
    assert_eq!(found.blocked_in(), None, "{found}");
    assert!(!cfg!(feature = "symbols") || names(&found, "compute_for_long"), "{found}");
}

#[test]
fn a_future_that_blocks_is_found_and_described() {
    if !can_be_asked() {
        return;
    }
    let (builder, stalls, heard) = listening();
    builder.workers(1).run(move || {
        let blocking = future::spawn(async move {
            time::sleep(Duration::from_millis(1)).await;
            block_the_worker(&heard);
        });
        fibra::wait(blocking).unwrap();
    });
    let found = stalls.into_iter().find(|stall| stall.task() == "a future");
    assert!(found.is_some(), "a future that has waited before is known as one");
}

/// What waits behind a stuck worker and is nobody's yet. The one who is stuck waits for all of it, so it must be done by the
/// other worker.
fn work_goes_on_elsewhere(leave_work: impl FnOnce(&Sender<usize>) -> usize + Send + 'static) {
    let runtime = Builder::new().workers(2).build().unwrap();
    if runtime.report().workers() == 1 {
        // The environment wins over the builder, and then there is nobody to take anything.
        return;
    }
    runtime.run(move || {
        let stuck = thread::spawn(move || {
            let (done, all_done) = channel();
            let expected = leave_work(&done);
            // Blocks the worker, until the other one has done it all.
            for _ in 0..expected {
                all_done.recv_timeout(PATIENCE).expect("others take the work");
            }
        });
        stuck.join().unwrap();
    });
}

#[test]
fn others_take_futures_that_wait_behind_a_stuck_worker() {
    work_goes_on_elsewhere(|done| {
        for number in 0..10 {
            let done = done.clone();
            future::spawn(async move { done.send(number).unwrap() });
        }
        10
    });
}

#[test]
fn others_take_threads_that_have_not_started() {
    work_goes_on_elsewhere(|done| {
        for number in 0..10 {
            let done = done.clone();
            thread::spawn(move || done.send(number).unwrap());
        }
        10
    });
}

#[test]
fn others_take_the_task_that_was_woken_last() {
    work_goes_on_elsewhere(|done| {
        let (waker, woken) = fibra::sync::oneshot::channel::<()>();
        let (waiting, waits) = channel();
        let done = done.clone();
        future::spawn(async move {
            let mut woken = std::pin::pin!(woken);
            std::future::poll_fn(|context| {
                let poll = woken.as_mut().poll(context);
                let _ = waiting.send(());
                poll
            })
            .await
            .unwrap();
            done.send(1).unwrap();
        });
        // It waits: then the wake puts it into the slot of the one to run next, and that wakes nobody.
        waits.recv_timeout(PATIENCE).unwrap();
        thread::sleep(Duration::from_millis(50));
        waker.send(()).unwrap();
        1
    });
}

#[test]
fn a_lock_of_std_that_is_held_across_a_wait_is_named() {
    if !can_be_asked() {
        return;
    }
    let (builder, stalls, _) = listening();
    let (found, found_it) = channel();
    let listener = std::thread::spawn(move || {
        let stall = next_of(&stalls, "waiter");
        found.send(()).unwrap();
        stall
    });
    builder.workers(1).run(move || {
        let lock = Arc::new(Mutex::new(()));
        let held = Arc::clone(&lock);
        // Held by a thread that is no worker's: the test wants to end.
        let holder = std::thread::spawn(move || {
            let _held = held.lock().unwrap();
            found_it.recv_timeout(PATIENCE).unwrap();
        });
        while lock.try_lock().is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
        spawn("waiter", move || drop(lock.lock().unwrap())).join().unwrap();
        holder.join().unwrap();
    });
    let stall = listener.join().unwrap();
    assert!(stall.blocked_in().is_some() || !system::ALWAYS_TELLS_THE_CALL, "{stall}");
    if let Some(call) = stall.blocked_in() {
        assert!(call.is_lock() && call.name() == Some(system::LOCK), "{stall}");
        assert!(stall.to_string().contains("a lock of std that is held across a wait"), "{stall}");
    }
}

#[test]
fn who_waits_for_the_worker_is_counted() {
    if !can_be_asked() {
        return;
    }
    let (builder, stalls, heard) = listening();
    let runtime = builder.workers(1).build().unwrap();
    if runtime.report().workers() > 1 {
        // The environment wins over the builder, and then they wait for several.
        return;
    }
    runtime.run(move || {
        let waiting = Arc::new(AtomicUsize::new(0));
        // On one worker nothing comes between the count and the wait.
        let count = |wait: fn()| {
            let waiting = Arc::clone(&waiting);
            move || {
                waiting.fetch_add(1, Ordering::Relaxed);
                wait();
            }
        };
        (0..30).for_each(|_| drop(thread::spawn(count(|| thread::sleep(Duration::from_secs(3600))))));
        let parked: Vec<_> = (0..20).map(|_| thread::spawn(count(thread::park))).collect();
        while waiting.load(Ordering::Relaxed) < 50 {
            thread::sleep(Duration::from_millis(1));
        }
        let others: Vec<_> = parked.iter().map(|parked| parked.thread().clone()).collect();
        let stuck = spawn("stuck", move || {
            let (ours, theirs) = others.split_at(12);
            ours.iter().for_each(thread::Thread::unpark);
            std::thread::scope(|scope| {
                scope.spawn(|| theirs.iter().for_each(thread::Thread::unpark));
            });
            block_the_worker(&heard);
        });
        stuck.join().unwrap();
        parked.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let found = next_of(&stalls, "stuck");
    assert_eq!((found.ready_threads(), found.letters(), found.timers()), (12, 8, 30), "{found}");
}

#[test]
fn metrics_count_stalls_and_who_is_stuck() {
    let (builder, stalls, _) = listening();
    let runtime = builder.workers(1).build().unwrap();
    let before = runtime.metrics();
    let (go_on, may_go_on) = channel();
    let stuck = runtime.spawn(async move { may_go_on.recv_timeout(PATIENCE).unwrap() });
    let found = stalls.recv_timeout(PATIENCE).unwrap();
    assert!(!found.is_over());
    assert_eq!(found.task(), "a task", "it has no name, and has never waited");
    let during = runtime.metrics();
    go_on.send(()).unwrap();
    assert!(stalls.recv_timeout(PATIENCE).unwrap().is_over());
    runtime.block_on(stuck).unwrap();
    let after = runtime.metrics();
    assert_eq!((before.stuck_workers, during.stuck_workers, after.stuck_workers), (0, 1, 0));
    assert!(after.stalls > before.stalls);
    assert!(after.prometheus().to_string().contains("fibra_stuck_workers 0\n"));
}

/// Runs `main` on a runtime of its own, and expects that nobody was found stuck.
#[track_caller]
fn nothing_is_reported(builder: impl FnOnce(Builder) -> Builder, main: impl FnOnce() + Send + 'static) {
    let (listening, stalls, _) = listening();
    builder(listening).run(main);
    // A machine that is busy enough makes small tasks run for long, which counts.
    if let Some(stall) = stalls.into_iter().find(|stall| stall.held_up() > LONG / 2) {
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
