//! A runtime ends: with what `main` left behind cancelled, and what can't end named.

#[cfg(unix)]
#[path = "support/census_of_unix.rs"]
mod census;
#[cfg(windows)]
#[path = "support/census_of_windows.rs"]
mod census;

use fibra::{Builder, Runtime, thread};
use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

const LONG: Duration = Duration::from_secs(3600);

/// Counts its drops.
#[derive(Clone)]
struct Counter(Arc<AtomicUsize>);

impl Drop for Counter {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn what_main_left_behind_is_cancelled_and_unwound() {
    let drops = Arc::new(AtomicUsize::new(0));
    let counters: Vec<_> = (0..200).map(|_| Counter(Arc::clone(&drops))).collect();
    fibra::run(move || {
        for (n, counter) in counters.into_iter().enumerate() {
            if n % 2 == 0 {
                drop(thread::spawn(move || {
                    let _counter = counter;
                    thread::sleep(LONG);
                }));
            } else {
                drop(fibra::future::spawn(async move {
                    let _counter = counter;
                    std::future::pending::<()>().await;
                }));
            }
        }
        thread::sleep(Duration::from_millis(2));
    });
    assert_eq!(drops.load(SeqCst), 200);
}

/// Waits for ever, and says so.
async fn wait(counter: Counter, waiting: Arc<AtomicUsize>) {
    let _counter = counter;
    waiting.fetch_add(1, SeqCst);
    std::future::pending::<()>().await;
}

#[test]
fn of_many_that_have_waited_a_shutdown_finds_those_that_still_do() {
    const MANY: usize = 70_000;
    let dropped = Arc::new(AtomicUsize::new(0));
    let drops = Arc::clone(&dropped);
    Builder::new().workers(1).run(move || {
        let waiting = Arc::new(AtomicUsize::new(0));
        let spawn = || fibra::future::spawn(wait(Counter(Arc::clone(&drops)), Arc::clone(&waiting)));
        let until = |count: &AtomicUsize, many| {
            while count.load(SeqCst) < many {
                thread::yield_now();
            }
        };
        let tasks: Vec<_> = (0..MANY).map(|_| spawn()).collect();
        until(&waiting, MANY);
        // All over the place, so that those who stay do too.
        for step in 0..MANY * 19 / 20 {
            tasks[step * 7919 % MANY].cancel();
        }
        until(&drops, MANY * 19 / 20);
        tasks.into_iter().for_each(drop);
        (0..1_000).for_each(|_| drop(spawn()));
        until(&waiting, MANY + 1_000);
    });
    assert_eq!(dropped.load(SeqCst), MANY + 1_000);
}

#[test]
fn a_shutdown_fails_every_wait_until_the_thread_ends() {
    let (sender, receiver) = mpsc::channel();
    fibra::run(move || {
        drop(thread::spawn(move || {
            for _ in 0..3 {
                let outcome = std::panic::catch_unwind(|| thread::sleep(LONG));
                sender.send(outcome.is_err()).unwrap();
            }
        }));
        thread::sleep(Duration::from_millis(1));
    });
    assert_eq!(receiver.iter().take(3).collect::<Vec<_>>(), [true; 3]);
}

#[test]
fn tasks_that_end_within_the_grace_are_not_cancelled() {
    let runtime = Runtime::new().unwrap();
    let task = runtime.spawn(async {
        while !fibra::cancel::is_requested() {
            fibra::time::sleep(Duration::from_millis(1)).await;
        }
        // The request has been observed, and nothing fails yet.
        fibra::time::sleep(Duration::from_millis(5)).await;
        7
    });
    runtime.block_on(fibra::time::sleep(Duration::from_millis(1)));
    runtime.shutdown(LONG, LONG).unwrap();
    assert_eq!(fibra::wait(task).unwrap(), 7);
}

#[test]
fn what_does_not_end_is_named() {
    let barrier = Arc::new(Barrier::new(2));
    let runtime = Builder::new().workers(1).build().unwrap();
    runtime.run({
        let barrier = Arc::clone(&barrier);
        move || {
            let stubborn = thread::Builder::new().name("stubborn".into());
            drop(stubborn.spawn(move || {
                barrier.wait();
                barrier.wait();
            }));
            // Lets it start and block its worker; then `main` never comes back on this worker, so return first.
        }
    });
    barrier.wait();
    let error = runtime.shutdown(Duration::ZERO, Duration::from_millis(50)).unwrap_err();
    assert_eq!(error.alive(), 1);
    assert!(error.to_string().contains("green thread 'stubborn'"), "{error}");
    barrier.wait();
}

#[test]
fn a_runtime_can_be_made_and_dropped_again_and_again() {
    fibra::run(|| thread::sleep(Duration::from_millis(1)));
    let before = (census::descriptors(), census::threads());
    for _ in 0..20 {
        fibra::run(|| thread::spawn(|| thread::sleep(Duration::from_micros(1))).join().unwrap());
    }
    // Other tests of this binary run beside this one: what leaks grows with every round, they don't.
    let after = (census::descriptors(), census::threads());
    assert!(after.0 < before.0 + 20 && after.1 < before.1 + 20, "{before:?} → {after:?}");
}

#[test]
fn a_runtime_dropped_on_its_own_worker_says_so() {
    let runtime = Arc::new(std::sync::Mutex::new(Some(Runtime::new().unwrap())));
    let inside = Arc::clone(&runtime);
    let handle = runtime.lock().unwrap().as_ref().unwrap().spawn(async move {
        let runtime = loop {
            match inside.try_lock().ok().and_then(|mut runtime| runtime.take()) {
                Some(runtime) => break runtime,
                None => fibra::future::yield_now().await,
            }
        };
        drop(runtime);
    });
    let error = fibra::wait(handle).unwrap_err();
    assert!(error.to_string().contains("on one of its own workers"), "{error}");
}

#[test]
fn a_panic_that_drops_a_runtime_on_its_own_worker_reaches_its_handle() {
    let runtime = Arc::new(std::sync::Mutex::new(Some(Runtime::new().unwrap())));
    let inside = Arc::clone(&runtime);
    let guard = runtime.lock().unwrap();
    let handle = guard.as_ref().unwrap().spawn(async move {
        let _runtime = inside.lock().unwrap().take();
        panic!("on purpose");
    });
    drop(guard);
    let error = fibra::wait(handle).unwrap_err();
    assert!(error.to_string().contains("on purpose"), "{error}");
}

#[test]
fn a_grace_without_end_is_one() {
    let runtime = Runtime::new().unwrap();
    let task = runtime.spawn(fibra::time::sleep(Duration::from_millis(2)));
    runtime.shutdown(Duration::MAX, Duration::MAX).unwrap();
    fibra::wait(task).unwrap();
}

#[test]
fn a_panic_of_main_goes_on_in_the_caller() {
    let outcome = std::panic::catch_unwind(|| fibra::run(|| panic!("main")));
    assert_eq!(outcome.unwrap_err().downcast_ref::<&str>(), Some(&"main"));
}
