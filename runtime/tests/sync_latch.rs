//! A latch opens once it was counted down, a wait group once all others are done; both for waiters of every kind.

use fibra::{
    cancel::Cancelled,
    future,
    sync::{Latch, WaitGroup},
    thread,
    time::{timeout, timeout_async},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst},
    },
    time::Duration,
};

const SHORT: Duration = Duration::from_millis(5);

#[test]
fn a_latch_counts_down_to_zero_and_no_further() {
    let latch = Latch::new(2);
    assert_eq!((latch.count(), latch.is_open()), (2, false));
    (0..5).for_each(|_| latch.count_down());
    assert_eq!((latch.count(), latch.is_open()), (0, true));
    latch.wait();
    assert!(latch.wait_timeout(Duration::ZERO));
    assert!(Latch::new(0).is_open());
}

#[fibra::test]
fn an_open_latch_sends_on_every_kind_of_waiter_and_none_before() {
    let (latch, through) = (Arc::new(Latch::new(3)), Arc::new(AtomicUsize::new(0)));
    let both = || (Arc::clone(&latch), Arc::clone(&through));
    let green: Vec<_> = (0..5)
        .map(|_| {
            let (latch, through) = both();
            thread::spawn(move || {
                latch.wait();
                through.fetch_add(1, SeqCst);
            })
        })
        .collect();
    let futures: Vec<_> = (0..5)
        .map(|_| {
            let (latch, through) = both();
            future::spawn(async move {
                latch.wait_async().await;
                through.fetch_add(1, SeqCst);
            })
        })
        .collect();
    let (latch_of_os, through_of_os) = both();
    let os = std::thread::spawn(move || {
        latch_of_os.wait();
        through_of_os.fetch_add(1, SeqCst);
    });
    for _ in 0..3 {
        thread::sleep(SHORT);
        assert_eq!(through.load(SeqCst), 0);
        latch.count_down();
    }
    green.into_iter().for_each(|thread| thread.join().unwrap());
    futures.into_iter().for_each(|task| fibra::wait(task).unwrap());
    fibra::unblock(|| os.join().unwrap());
    assert_eq!(through.load(SeqCst), 11);
}

#[fibra::test]
fn a_wait_that_is_given_up_disturbs_nobody() {
    let latch = Arc::new(Latch::new(1));
    assert!(!latch.wait_timeout(SHORT));
    assert!(timeout(SHORT, || latch.wait()).is_err());
    assert!(fibra::wait(timeout_async(SHORT, latch.wait_async())).is_err());
    let wait = || {
        let latch = Arc::clone(&latch);
        thread::spawn(move || latch.wait())
    };
    let (cancelled, other) = (wait(), wait());
    cancelled.cancel();
    assert!(cancelled.join().is_err_and(|payload| payload.is::<Cancelled>()));
    latch.count_down();
    other.join().unwrap();
}

#[fibra::test]
fn a_group_waits_for_parties_of_every_kind() {
    let (group, done) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
    for _ in 0..5 {
        let (party, done_of_green) = (group.clone(), Arc::clone(&done));
        drop(thread::spawn(move || {
            thread::yield_now();
            done_of_green.fetch_add(1, Relaxed);
            drop(party);
        }));
        let (party, done_of_task) = (group.clone(), Arc::clone(&done));
        drop(future::spawn(async move {
            future::yield_now().await;
            done_of_task.fetch_add(1, Relaxed);
            drop(party);
        }));
        let (party, done_of_os) = (group.clone(), Arc::clone(&done));
        drop(std::thread::spawn(move || {
            done_of_os.fetch_add(1, Relaxed);
            drop(party);
        }));
    }
    group.wait();
    assert_eq!(done.load(Relaxed), 15);
}

#[fibra::test]
fn a_party_that_panics_or_is_cancelled_is_done() {
    let group = WaitGroup::new();
    let party = group.clone();
    let panicking = thread::spawn(move || {
        let _party = party;
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    let party = group.clone();
    let cancelled = thread::spawn(move || {
        let _party = party;
        thread::park();
    });
    cancelled.cancel();
    group.wait();
    assert!(panicking.join().is_err() && cancelled.join().is_err());
}

#[fibra::test]
fn all_that_wait_go_on_together_each_having_given_up_its_handle() {
    let group = WaitGroup::new();
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let party = group.clone();
            thread::spawn(move || party.wait())
        })
        .collect();
    let task = future::spawn(group.clone().wait_async());
    // Given up by the call, though never polled.
    let unpolled = group.clone().wait_async();
    group.wait();
    drop(unpolled);
    waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    fibra::wait(task).unwrap();
}

#[fibra::test]
fn a_wait_for_a_group_that_is_given_up_is_done_as_a_party() {
    let group = WaitGroup::new();
    let party = group.clone();
    assert!(!party.wait_timeout(SHORT));
    let party = group.clone();
    let waiter = thread::spawn(move || party.wait());
    waiter.cancel();
    assert!(waiter.join().is_err_and(|payload| payload.is::<Cancelled>()));
    group.wait();
}
