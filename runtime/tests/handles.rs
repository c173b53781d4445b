//! A handle spawns onto its runtime from anywhere, and once that has ended, what it spawns is cancelled.

use fibra::{Builder, Handle, Runtime, cancel::Cancelled, thread, unblock};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const LONG: Duration = Duration::from_secs(3600);

/// More workers than any other runtime here has, so that a task can tell where it is.
fn runtime() -> Runtime {
    Builder::new().workers(fibra_system::topology::usable_cores().get() + 3).build().unwrap()
}

fn workers() -> usize {
    thread::available_parallelism().unwrap().get()
}

#[test]
fn an_os_thread_spawns_onto_the_runtime_of_its_handle() {
    let runtime = runtime();
    let expected = runtime.report().workers();
    let handle = runtime.handle();
    let (future, thread) = std::thread::spawn(move || {
        assert!(Handle::try_current().is_none());
        (handle.spawn(async { workers() }), handle.clone().spawn_thread(workers))
    })
    .join()
    .unwrap();
    assert_eq!((fibra::wait(future).unwrap(), thread.join().unwrap()), (expected, expected));
}

#[test]
fn a_green_thread_is_spawned_from_outside_without_waiting() {
    let runtime = runtime();
    let expected = runtime.report().workers();
    let parked = runtime.spawn_thread(|| {
        thread::park();
        workers()
    });
    // What it waits for comes after the spawn has returned.
    parked.thread().unpark();
    assert_eq!(parked.join().unwrap(), expected);
}

#[test]
fn the_current_runtime_is_the_one_that_spawns_go_to() {
    let runtime = runtime();
    let expected = runtime.report().workers();
    let here = || Handle::current().spawn_thread(workers).join().unwrap();
    let is_in_one = || Handle::try_current().is_some();
    assert_eq!(runtime.run(move || (here(), is_in_one())), (expected, true));
    assert_eq!(runtime.run(move || unblock(move || (here(), is_in_one()))), (expected, true));
    assert_eq!(runtime.block_on(async move { (here(), is_in_one()) }), (expected, true));
    // In another runtime, what has entered this one spawns here, and nobody else.
    let entered = Builder::new().workers(1).run(move || {
        let inside = runtime.block_on(async move { here() });
        (inside, here() == expected)
    });
    assert_eq!(entered, (expected, false));
}

#[test]
fn what_is_spawned_after_the_end_is_dropped_and_was_cancelled() {
    let runtime = runtime();
    let handle = runtime.handle();
    assert!(runtime.shutdown(Duration::ZERO, LONG).is_ok());
    let (owned, ran) = (Arc::new(()), Arc::new(AtomicBool::new(false)));
    let run = |owned: Arc<()>, ran: Arc<AtomicBool>| {
        move || {
            let _owned = owned;
            ran.store(true, SeqCst);
        }
    };
    let (one, other) = (run(owned.clone(), ran.clone()), run(owned.clone(), ran.clone()));
    let (future, thread) = (handle.spawn(async { one() }), handle.spawn_thread(other));
    assert_eq!(Arc::strong_count(&owned), 1);
    assert!(fibra::wait(future).unwrap_err().is_cancelled());
    assert!(thread.join().unwrap_err().is::<Cancelled>());
    assert!(!ran.load(SeqCst));
}

/// The destructor waits, which a shutdown must not overlook.
struct SlowToGo(Arc<AtomicUsize>);

impl Drop for SlowToGo {
    fn drop(&mut self) {
        fibra::cancel::shield(|| thread::sleep(Duration::from_micros(100)));
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn whatever_is_spawned_while_the_runtime_ends_has_an_end() {
    for _ in 0..30 {
        let runtime = Builder::new().workers(2).build().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let spawners: Vec<_> = (0..2)
            .map(|_| (runtime.handle(), is_over.clone(), Arc::new(AtomicUsize::new(0))))
            .map(|(handle, is_over, gone)| {
                std::thread::spawn(move || {
                    let mut spawned = 0;
                    while !is_over.load(SeqCst) {
                        let slow = SlowToGo(gone.clone());
                        let thread = handle.spawn_thread(move || drop(slow));
                        let slow = SlowToGo(gone.clone());
                        let future = handle.spawn(async move { drop(slow) });
                        _ = (thread.join(), fibra::wait(future));
                        spawned += 2;
                    }
                    (spawned, gone.load(SeqCst))
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(2));
        runtime.shutdown(Duration::ZERO, LONG).unwrap();
        is_over.store(true, SeqCst);
        for spawner in spawners {
            let (spawned, gone) = spawner.join().unwrap();
            assert_eq!(spawned, gone);
        }
    }
}
