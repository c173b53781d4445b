//! `fibra::thread` keeps the promises of `std::thread`.

use fibra::thread;
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

#[fibra::test]
fn join_returns_what_the_closure_returned() {
    assert_eq!(thread::spawn(|| String::from("hello")).join().unwrap(), "hello");
}

#[fibra::test]
fn join_returns_the_payload_of_a_panic() {
    let seven = std::hint::black_box(7);
    let payload = thread::spawn(move || panic!("number {seven}")).join().unwrap_err();
    assert_eq!(payload.downcast_ref::<String>().unwrap(), "number 7");
}

#[fibra::test]
fn a_thread_whose_handle_is_dropped_goes_on() {
    let (sender, receiver) = fibra::sync::mpsc::channel();
    drop(thread::spawn(move || {
        thread::yield_now();
        sender.send(1).unwrap();
    }));
    assert_eq!(receiver.recv(), Ok(1));
}

#[fibra::test]
fn names_and_identifiers_tell_threads_apart() {
    assert_eq!(thread::current().name(), Some("main"));
    let named = thread::Builder::new().name("worker bee".into());
    let handle =
        named.spawn(|| (thread::current().id(), thread::current().name().map(String::from))).unwrap();
    let outer_id = handle.thread().id();
    assert_eq!(handle.thread().name(), Some("worker bee"));
    let (inner_id, inner_name) = handle.join().unwrap();
    assert_eq!((inner_id, inner_name.as_deref()), (outer_id, Some("worker bee")));
    assert_ne!(inner_id, thread::current().id());
    assert_eq!(thread::current().id(), thread::current().id());
    assert_eq!(thread::spawn(|| thread::current().name().map(String::from)).join().unwrap(), None);
}

#[test]
fn an_os_thread_has_one_identity_too() {
    let here = thread::current().id();
    assert_eq!(here, thread::current().id());
    assert_ne!(here, std::thread::spawn(|| thread::current().id()).join().unwrap());
    thread::current().unpark();
    thread::park();
}

#[fibra::test]
fn unpark_before_park_is_kept_once() {
    let turns = Arc::new(AtomicUsize::new(0));
    let parker = thread::spawn({
        let turns = Arc::clone(&turns);
        move || {
            thread::current().unpark();
            thread::current().unpark();
            for _ in 0..2 {
                thread::park();
                turns.fetch_add(1, SeqCst);
            }
        }
    });
    while turns.load(SeqCst) == 0 {
        thread::yield_now();
    }
    thread::sleep(Duration::from_millis(5));
    assert!(!parker.is_finished(), "two unparks before the park are one token");
    parker.thread().unpark();
    parker.join().unwrap();
}

#[fibra::test]
fn unpark_comes_from_os_threads_and_other_workers() {
    let parker = thread::spawn(|| (0..100).for_each(|_| thread::park()));
    let handle = parker.thread().clone();
    let os_thread = std::thread::spawn(move || {
        for _ in 0..100 {
            handle.unpark();
            std::thread::sleep(Duration::from_micros(50));
        }
    });
    while !parker.is_finished() {
        parker.thread().unpark();
        thread::sleep(Duration::from_micros(100));
    }
    parker.join().unwrap();
    fibra::unblock(|| os_thread.join().unwrap());
}

#[fibra::test]
fn park_timeout_ends_at_its_deadline_and_not_before() {
    let start = Instant::now();
    thread::park_timeout(Duration::from_millis(3));
    assert!(start.elapsed() >= Duration::from_millis(3));
    thread::current().unpark();
    thread::park_timeout(Duration::from_secs(3600));
}

#[fibra::test]
fn sleep_is_never_early() {
    let sleepers: Vec<_> = (0..50u64)
        .map(|n| {
            thread::spawn(move || {
                let (start, duration) = (Instant::now(), Duration::from_micros(n * 137));
                thread::sleep(duration);
                assert!(start.elapsed() >= duration);
            })
        })
        .collect();
    sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    thread::sleep_until(Instant::now() - Duration::from_millis(1));
}

#[fibra::test]
fn a_closure_that_has_started_stays_on_its_os_thread() {
    let threads: Vec<_> = (0..200)
        .map(|_| {
            thread::spawn(|| {
                // A local that must not move between threads, across waits.
                let local = Rc::new(Cell::new(0));
                let home = std::thread::current().id();
                for _ in 0..20 {
                    thread::yield_now();
                    thread::sleep(Duration::from_micros(10));
                    local.set(local.get() + 1);
                    assert_eq!(std::thread::current().id(), home);
                }
                local.get()
            })
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == 20));
}

#[fibra::test]
fn a_scope_lends_its_surroundings_and_waits() {
    let mut numbers: Vec<u64> = (0..1000).collect();
    let sum = AtomicUsize::new(0);
    thread::scope(|scope| {
        for chunk in numbers.chunks_mut(100) {
            scope.spawn(|| {
                thread::yield_now();
                chunk.iter_mut().for_each(|number| *number *= 2);
                sum.fetch_add(chunk.iter().sum::<u64>() as usize, SeqCst);
            });
        }
    });
    assert_eq!(sum.load(SeqCst), 999_000);
    assert_eq!(numbers[999], 1998);
}

#[fibra::test]
fn a_scope_hands_results_and_panics_to_joins() {
    let text = String::from("hello");
    let (length, panicked) = thread::scope(|scope| {
        let length = scope.spawn(|| text.len());
        let panics = scope.spawn(|| panic!("joined"));
        (length.join().unwrap(), panics.join().is_err())
    });
    assert_eq!((length, panicked), (5, true));
}

#[fibra::test]
fn a_scope_panics_for_a_thread_that_nobody_joined() {
    let ended = AtomicUsize::new(0);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        thread::scope(|scope| {
            scope.spawn(|| panic!("not joined"));
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(2));
                ended.fetch_add(1, SeqCst);
            });
        });
    }));
    assert!(outcome.is_err());
    assert_eq!(ended.load(SeqCst), 1, "the scope did not wait for all its threads");
}

#[fibra::test]
fn a_scope_whose_body_panics_waits_first() {
    let ended = AtomicUsize::new(0);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(2));
                ended.fetch_add(1, SeqCst);
            });
            panic!("the body");
        })
    }));
    assert_eq!(outcome.unwrap_err().downcast_ref::<&str>(), Some(&"the body"));
    assert_eq!(ended.load(SeqCst), 1);
}

#[test]
fn a_scope_works_on_an_os_thread() {
    let mut number = 1;
    thread::scope(|scope| {
        scope.spawn(|| number += 1);
    });
    assert_eq!(number, 2);
}

#[fibra::test]
fn a_thread_gets_the_stack_that_it_asked_for() {
    /// Touches `kib` KiB of stack, and returns a number that depends on all of it.
    fn burn(kib: usize) -> usize {
        let mut frame = [0u8; 1024];
        frame[kib % 1024] = 1;
        std::hint::black_box(&mut frame);
        if kib == 0 { 0 } else { burn(kib - 1) + usize::from(frame[kib % 1024]) }
    }
    for mib in [1, 4, 32] {
        let builder = thread::Builder::new().stack_size(mib << 20);
        let deep = builder.spawn(move || {
            thread::yield_now();
            // A frame is larger than what it holds: in a build without optimisation, up to thrice.
            burn(mib * 1024 / 4)
        });
        assert_eq!(deep.unwrap().join().unwrap(), mib * 1024 / 4);
    }
    // The usual stack serves again after that.
    assert_eq!(thread::spawn(|| 1).join().unwrap(), 1);
}

#[fibra::test]
fn an_absurd_stack_size_is_refused_at_spawn() {
    for size in [usize::MAX, 1 << 46] {
        let error = thread::Builder::new().stack_size(size).spawn(|| ()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{size}");
    }
    assert!(thread::Builder::new().stack_size(0).spawn(|| ()).is_ok(), "the least size is at least nothing");
}

#[fibra::test]
fn a_handle_can_be_awaited_by_a_future() {
    let sum = fibra::wait(async {
        let green = thread::spawn(|| 40);
        let future = fibra::future::spawn(async { 2 });
        green.await.unwrap() + future.await.unwrap()
    });
    assert_eq!(sum, 42);
}

#[fibra::test]
fn a_hundred_thousand_threads_live_at_once() {
    let parked: Vec<_> = (0..100_000u64)
        .map(|n| {
            thread::spawn(move || {
                thread::park();
                n
            })
        })
        .collect();
    parked.iter().for_each(|thread| thread.thread().unpark());
    let sum: u64 = parked.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(sum, 100_000 * 99_999 / 2);
}
