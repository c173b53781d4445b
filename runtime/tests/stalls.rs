//! A worker that is stuck in a task is seen, and named with its place; others take what they can.

#[path = "support/stalls.rs"]
mod stalls;
#[cfg(unix)]
#[path = "support/system_of_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "support/system_of_windows.rs"]
mod system;

use fibra::{Builder, future, stall::Stall, thread, time};
use stalls::{Heard, LONG, PATIENCE, block_the_worker, listening};
use std::{
    backtrace::Backtrace,
    hint::spin_loop,
    io::ErrorKind,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

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
