//! A cancel ends a wait, once, and only then.

use fibra::{
    cancel::{self, Cancelled},
    thread, time,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(3600);

/// Spawns `body`, cancels it once it waits (or before), and expects it to end by that.
fn ends_when_cancelled(what: &str, body: impl FnOnce() + Send + 'static) {
    let started = Arc::new(AtomicBool::new(false));
    let thread = thread::spawn({
        let started = Arc::clone(&started);
        move || {
            started.store(true, SeqCst);
            body();
        }
    });
    while !started.load(SeqCst) {
        thread::yield_now();
    }
    thread::sleep(Duration::from_millis(1));
    thread.cancel();
    assert!(thread.join().unwrap_err().is::<Cancelled>(), "{what} was not cancelled");
}

#[fibra::test]
fn every_wait_without_an_error_unwinds() {
    ends_when_cancelled("sleep", || thread::sleep(LONG));
    ends_when_cancelled("park", thread::park);
    ends_when_cancelled("park_timeout", || thread::park_timeout(LONG));
    ends_when_cancelled("join", || {
        let _ = thread::spawn(|| thread::sleep(LONG)).join();
    });
    ends_when_cancelled("wait", || fibra::wait(std::future::pending()));
    ends_when_cancelled("recv", || {
        let (_sender, receiver) = fibra::sync::mpsc::channel::<()>();
        let _ = receiver.recv();
    });
    ends_when_cancelled("tick", || {
        let mut ticks = time::interval_at(Instant::now() + LONG, LONG);
        ticks.tick();
    });
}

#[fibra::test]
fn a_thread_that_has_not_started_never_does() {
    let ran = Arc::new(AtomicUsize::new(0));
    let outcomes: Vec<_> = (0..100)
        .map(|_| {
            let ran = Arc::clone(&ran);
            let thread = thread::spawn(move || {
                ran.fetch_add(1, SeqCst);
            });
            thread.cancel();
            thread
        })
        .collect();
    let cancelled = outcomes.into_iter().filter_map(|thread| thread.join().err()).count();
    assert_eq!(cancelled + ran.load(SeqCst), 100);
}

#[fibra::test]
fn a_request_is_delivered_once() {
    let thread = thread::spawn(|| {
        let first = std::panic::catch_unwind(|| thread::sleep(LONG));
        assert!(first.unwrap_err().is::<Cancelled>());
        assert!(cancel::is_requested());
        // Cleaning up may wait again.
        thread::sleep(Duration::from_millis(1));
        "cleaned up"
    });
    thread::sleep(Duration::from_millis(1));
    thread.cancel();
    thread.cancel();
    assert!(matches!(thread.join(), Ok("cleaned up") | Err(_)));
}

#[fibra::test]
fn a_shield_puts_a_cancel_off() {
    let shielded = Arc::new(AtomicBool::new(false));
    let thread = thread::spawn({
        let shielded = Arc::clone(&shielded);
        move || {
            cancel::shield(|| {
                shielded.store(true, SeqCst);
                thread::sleep(Duration::from_millis(5));
                while !cancel::is_requested() {
                    thread::sleep(Duration::from_millis(1));
                }
            });
            thread::sleep(LONG);
        }
    });
    while !shielded.load(SeqCst) {
        thread::yield_now();
    }
    thread.cancel();
    assert!(thread.join().unwrap_err().is::<Cancelled>());
}

#[fibra::test]
fn cancelling_what_has_ended_does_nothing() {
    let thread = thread::spawn(|| 5);
    while !thread.is_finished() {
        thread::yield_now();
    }
    thread.cancel();
    thread.cancel();
    assert_eq!(thread.join().unwrap(), 5);

    let future = fibra::future::spawn(async { 6 });
    while !future.is_finished() {
        thread::yield_now();
    }
    future.cancel();
    assert_eq!(fibra::wait(future).unwrap(), 6);

    let scoped = thread::scope(|scope| {
        let thread = scope.spawn(|| 7);
        while !thread.is_finished() {
            thread::yield_now();
        }
        thread.cancel();
        thread.join().unwrap()
    });
    assert_eq!(scoped, 7);
}

#[fibra::test]
fn cancelling_what_has_ended_badly_leaves_it_its_end() {
    let panicked = thread::spawn(|| std::panic::resume_unwind(Box::new("on purpose")));
    let cancelled = thread::spawn(|| thread::sleep(LONG));
    cancelled.cancel();
    while !panicked.is_finished() || !cancelled.is_finished() {
        thread::yield_now();
    }
    panicked.cancel();
    cancelled.cancel();
    assert!(panicked.join().unwrap_err().is::<&str>());
    assert!(cancelled.join().unwrap_err().is::<Cancelled>());
}

#[test]
fn cancelling_what_has_ended_with_its_runtime_does_nothing() {
    let runtime = fibra::Runtime::new().unwrap();
    let (thread, future) = runtime.run(|| {
        let future = fibra::future::spawn(std::future::pending::<()>());
        (thread::spawn(|| thread::sleep(LONG)), future)
    });
    drop(runtime);
    thread.cancel();
    future.cancel();
    assert!(thread.join().unwrap_err().is::<Cancelled>());
    assert!(fibra::wait(future).unwrap_err().is_cancelled());
}

#[fibra::test]
fn a_cancelled_future_is_dropped_where_it_is_idle() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let dropped = Dropped(Arc::clone(&drops));
            fibra::future::spawn(async move {
                let _dropped = dropped;
                time::sleep(LONG).await;
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(1));
    tasks.iter().for_each(fibra::future::JoinHandle::cancel);
    for task in tasks {
        assert!(fibra::wait(task).unwrap_err().is_cancelled());
    }
    assert_eq!(drops.load(SeqCst), 100);
}

#[fibra::test]
fn a_direct_wait_inside_of_a_poll_is_cancelled_too() {
    let task = fibra::future::spawn(async { thread::sleep(LONG) });
    thread::sleep(Duration::from_millis(2));
    task.cancel();
    assert!(fibra::wait(task).unwrap_err().is_cancelled());
}

#[fibra::test]
fn a_scope_that_is_cancelled_cancels_its_threads() {
    ends_when_cancelled("scope", || {
        thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| thread::sleep(LONG));
            }
        });
    });
}

#[fibra::test]
fn a_thread_that_a_cancelled_scope_gets_later_is_cancelled_too() {
    struct Spawns<F: FnMut()>(F);
    impl<F: FnMut()> Drop for Spawns<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    ends_when_cancelled("scope", || {
        thread::scope(|scope| {
            scope.spawn(|| {
                let _spawns = Spawns(|| drop(scope.spawn(|| thread::sleep(LONG))));
                thread::sleep(LONG);
            });
        });
    });
}

#[test]
fn a_cancel_that_comes_while_a_thread_is_about_to_park_is_not_lost() {
    let runtime = fibra::Builder::new().workers(1).build().unwrap();
    for round in 0..5000 {
        let started = Arc::new(AtomicBool::new(false));
        let task = runtime.spawn({
            let started = Arc::clone(&started);
            async move {
                started.store(true, SeqCst);
                thread::sleep(LONG);
            }
        });
        while !started.load(SeqCst) {
            std::hint::spin_loop();
        }
        for _ in 0..round % 200 {
            std::hint::spin_loop();
        }
        task.cancel();
        assert!(fibra::wait(task).unwrap_err().is_cancelled());
    }
}

#[fibra::test]
fn timeouts_nest_and_know_whose_deadline_it_was() {
    let inner_first =
        time::timeout(LONG, || time::timeout(Duration::from_millis(1), || thread::sleep(LONG)).is_err());
    assert_eq!(inner_first, Ok(true));
    let mut inner_returned = false;
    let outer_first = time::timeout(Duration::from_millis(1), || {
        let _ = time::timeout(LONG, || thread::sleep(LONG));
        inner_returned = true;
    });
    assert!(outer_first.is_err());
    assert!(!inner_returned, "the inner timeout took the outer one's deadline for its own");
}

#[fibra::test]
fn a_deadline_fails_every_wait_of_its_closure_and_none_after_it() {
    let failures = time::timeout(Duration::from_millis(1), || {
        let waits = (0..3).map(|_| std::panic::catch_unwind(|| thread::sleep(LONG)).is_err());
        waits.filter(|&failed| failed).count()
    });
    assert_eq!(failures, Ok(3), "a closure that ends by itself is not elapsed, however late");
    thread::sleep(Duration::from_millis(1));
}

#[fibra::test]
fn a_deadline_in_the_past_fails_the_first_wait() {
    assert!(time::timeout(Duration::ZERO, || thread::sleep(LONG)).is_err());
    assert_eq!(time::timeout(Duration::ZERO, || 1), Ok(1));
    assert_eq!(time::timeout(Duration::MAX, || 1), Ok(1));
}

#[fibra::test]
fn a_future_is_polled_once_more_before_it_times_out() {
    let ready = fibra::wait(time::timeout_async(Duration::ZERO, async { 1 }));
    assert_eq!(ready, Ok(1));
    let late = fibra::wait(time::timeout_async(Duration::from_millis(1), std::future::pending::<()>()));
    assert!(late.is_err());
}

#[fibra::test(start_paused)]
fn scoped_threads_are_under_the_deadline_that_they_are_spawned_in() {
    let minute = Duration::from_secs(60);
    let start = time::now();
    let sleep_for_a_day = || thread::sleep(24 * 60 * minute);
    let ended = time::timeout(minute, || {
        thread::scope(|scope| {
            // A thread of its own, and one of its children, under a later deadline as well.
            let child = scope.spawn(sleep_for_a_day);
            let parent = scope.spawn(move || {
                time::timeout(60 * minute, || {
                    thread::scope(|scope| {
                        let grandchild = scope.spawn(sleep_for_a_day);
                        fibra::cancel::shield(|| grandchild.join()).expect_err("it sleeps for a day")
                    })
                })
            });
            // Nobody cancels them: their own waits end.
            fibra::cancel::shield(|| (child.join(), parent.join()))
        })
    });
    assert_eq!(time::now() - start, minute);
    let (child, parent) = ended.expect("the closure has ended by itself");
    let grandchild = parent.expect("it has waited for nothing itself").expect("nor has its own time passed");
    for payload in [child.expect_err("it sleeps for a day"), grandchild] {
        assert!(payload.downcast_ref::<Cancelled>().expect("it was cancelled").is_deadline());
    }
}
