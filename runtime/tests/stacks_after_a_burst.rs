//! The stacks of a burst of green threads stay for the next one, and go back to the system when none comes.

#[cfg(unix)]
#[path = "support/census_of_unix.rs"]
mod census;
#[cfg(windows)]
#[path = "support/census_of_windows.rs"]
mod census;

use census::mapped;
use fibra::{Builder, sync::Mutex, thread};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const THREADS: usize = 2_000;
/// What the stacks of so many threads take of the address space, at least.
const ADDRESSES: usize = THREADS * (2 << 20);

/// So many threads that wait at the same time. Returns the address space in use while they do.
fn burst() -> usize {
    let door = Arc::new(Mutex::new(()));
    let closed = door.lock().unwrap();
    let started = Arc::new(AtomicUsize::new(0));
    let start = || {
        let (door, started) = (Arc::clone(&door), Arc::clone(&started));
        thread::spawn(move || {
            started.fetch_add(1, SeqCst);
            drop(door.lock().unwrap());
        })
    };
    let threads: Vec<_> = (0..THREADS).map(|_| start()).collect();
    while started.load(SeqCst) < THREADS {
        thread::yield_now();
    }
    let peak = mapped();
    drop(closed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    peak
}

#[test]
fn they_stay_for_the_next_burst_and_go_when_none_comes() {
    Builder::new().workers(1).stack_size(2 << 20).run(|| {
        let before = mapped();
        let peak = burst();
        assert!(peak - before >= ADDRESSES, "{before} → {peak}");
        // Unless the machine is so busy that, to the worker, no burst has come for long.
        let found = (0..100).any(|_| {
            let kept = mapped();
            let next = burst();
            assert!(next < peak + ADDRESSES / 2, "{peak} → {next}");
            kept >= before + ADDRESSES / 2
        });
        assert!(found, "no burst has found the stacks of the one before");
        // The worker has nothing to do, but for this.
        while mapped() > before + ADDRESSES / 4 {
            thread::sleep(Duration::from_secs(1));
        }
    });
}
