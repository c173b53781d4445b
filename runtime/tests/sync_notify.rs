//! A notification ends one wait, or all, and is not lost with a wait that is given up.

use fibra::{
    cancel::Cancelled,
    future,
    sync::Notify,
    thread,
    time::{timeout, timeout_async},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

const SHORT: Duration = Duration::from_millis(5);

fn let_others_wait() {
    for _ in 0..3 {
        thread::yield_now();
    }
}

fn was_cancelled<T>(joined: thread::Result<T>) -> bool {
    joined.is_err_and(|payload| payload.is::<Cancelled>())
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_permit_is_left_for_one_wait_and_never_for_two() {
    let notify = Notify::new();
    (0..3).for_each(|_| notify.notify_one());
    notify.wait();
    assert!(!notify.wait_timeout(SHORT));
    notify.notify_waiters();
    assert!(!notify.wait_timeout(SHORT), "nobody waited");
}

#[fibra::test]
fn each_kind_of_waiter_is_notified_one_by_one() {
    let (notify, ended) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let both = || (Arc::clone(&notify), Arc::clone(&ended));
    let (notify_of_green, ended_of_green) = both();
    let green = thread::spawn(move || {
        notify_of_green.wait();
        ended_of_green.fetch_add(1, SeqCst);
    });
    let (notify_of_task, ended_of_task) = both();
    let task = future::spawn(async move {
        notify_of_task.notified_async().await;
        ended_of_task.fetch_add(1, SeqCst);
    });
    let (notify_of_os, ended_of_os) = both();
    let os = std::thread::spawn(move || {
        notify_of_os.wait();
        ended_of_os.fetch_add(1, SeqCst);
    });
    for count in 1..=3 {
        notify.notify_one();
        while ended.load(SeqCst) < count {
            thread::sleep(Duration::from_micros(100));
        }
        thread::sleep(SHORT);
        assert_eq!(ended.load(SeqCst), count, "one call, one wait");
    }
    green.join().unwrap();
    fibra::wait(task).unwrap();
    fibra::unblock(|| os.join().unwrap());
}

#[test]
fn waiters_are_notified_in_the_order_in_which_they_began() {
    let notify = Notify::new();
    let mut waits: Vec<_> = (0..3).map(|_| notify.notified_async()).collect();
    // The order of making does not count, that of the first poll does.
    for i in [2, 0, 1] {
        assert!(poll(&mut waits[i]).is_pending());
    }
    for i in [2, 0, 1] {
        notify.notify_one();
        assert!(poll(&mut waits[i]).is_ready());
        assert!(poll(&mut waits[i]).is_ready(), "what has ended stays so");
    }
}

#[test]
fn a_future_hears_of_notify_waiters_from_when_it_is_made() {
    let notify = Notify::new();
    let (mut before, mut queued) = (notify.notified_async(), notify.notified_async());
    assert!(poll(&mut queued).is_pending());
    notify.notify_waiters();
    let mut after = notify.notified_async();
    assert!(poll(&mut before).is_ready());
    assert!(poll(&mut queued).is_ready());
    assert!(poll(&mut after).is_pending());
}

#[test]
fn a_future_that_was_made_before_notify_waiters_leaves_the_permit_to_others() {
    let notify = Notify::new();
    let mut before = notify.notified_async();
    notify.notify_waiters();
    notify.notify_one();
    assert!(poll(&mut before).is_ready());
    assert!(notify.wait_timeout(Duration::ZERO));
}

#[test]
fn a_future_hears_of_notify_one_from_when_it_is_enabled() {
    let notify = Notify::new();
    let (mut enabled, mut polled) = (notify.notified_async(), notify.notified_async());
    assert!(!enabled.enable());
    assert!(poll(&mut polled).is_pending());
    assert!(!enabled.enable(), "it is no second place");
    notify.notify_one();
    assert!(enabled.enable());
    assert!(poll(&mut polled).is_pending());
    assert!(poll(&mut enabled).is_ready());
    notify.notify_one();
    assert!(poll(&mut polled).is_ready());

    notify.notify_one();
    let mut with_permit = notify.notified_async();
    assert!(with_permit.enable());
    assert!(!notify.wait_timeout(Duration::ZERO), "the permit is its own");
    assert!(poll(&mut with_permit).is_ready());
}

#[test]
fn enabling_a_future_that_waits_leaves_its_waker() {
    let notify = Notify::new();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let mut notified = notify.notified_async();
    assert!(std::pin::Pin::new(&mut notified).poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(!notified.enable());
    notify.notify_one();
    assert_eq!(count.0.load(SeqCst), 1);
}

#[test]
fn what_a_dropped_future_was_told_goes_to_the_next_or_stays() {
    let notify = Notify::new();
    let (mut dropped, mut next) = (notify.notified_async(), notify.notified_async());
    assert!(poll(&mut dropped).is_pending());
    assert!(poll(&mut next).is_pending());
    notify.notify_one();
    drop(dropped);
    assert!(poll(&mut next).is_ready());

    let mut dropped = notify.notified_async();
    assert!(poll(&mut dropped).is_pending());
    notify.notify_one();
    drop(dropped);
    assert!(notify.wait_timeout(Duration::ZERO));

    // All were told: there is nothing to pass on.
    let mut dropped = notify.notified_async();
    assert!(poll(&mut dropped).is_pending());
    notify.notify_waiters();
    drop(dropped);
    assert!(!notify.wait_timeout(Duration::ZERO));
}

#[fibra::test(workers = 1)]
fn a_notification_for_a_cancelled_wait_goes_to_the_next() {
    let notify = Arc::new(Notify::new());
    let wait = || {
        let notify = Arc::clone(&notify);
        let waiter = thread::spawn(move || notify.wait());
        let_others_wait();
        waiter
    };
    let (cancelled, next) = (wait(), wait());
    notify.notify_one();
    cancelled.cancel();
    match cancelled.join() {
        // It has returned: then it was the one.
        Ok(()) => notify.notify_one(),
        outcome => assert!(was_cancelled(outcome)),
    }
    next.join().unwrap();
}

#[fibra::test(workers = 1)]
fn a_wait_whose_time_is_up_takes_no_notification() {
    let notify = Notify::new();
    assert!(!notify.wait_timeout(SHORT));
    assert!(timeout(SHORT, || notify.wait()).is_err());
    assert!(fibra::wait(timeout_async(SHORT, notify.notified_async())).is_err());
    notify.notify_one();
    assert!(notify.wait_timeout(SHORT));
}

/// Each token is announced once. Those that are cancelled in between must not swallow an announcement.
#[fibra::test]
fn no_notification_is_lost_among_cancelled_waits() {
    const TAKERS: usize = 300;
    let shared = Arc::new((AtomicUsize::new(0), Notify::new()));
    let wait = |takes: bool| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            let (tokens, added) = &*shared;
            loop {
                added.wait();
                let taken = takes && tokens.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_ok();
                // There may be more than one token behind one permit.
                if tokens.load(SeqCst) > 0 {
                    added.notify_one();
                }
                if taken || !takes {
                    return;
                }
            }
        })
    };
    let (takers, others): (Vec<_>, Vec<_>) = (0..TAKERS).map(|_| (wait(true), wait(false))).unzip();
    for (i, other) in others.iter().enumerate() {
        if i % 2 == 0 {
            other.cancel();
        }
        shared.0.fetch_add(1, SeqCst);
        shared.1.notify_one();
        if i % 2 == 1 {
            other.cancel();
        }
        if i % 16 == 0 {
            thread::yield_now();
        }
    }
    takers.into_iter().for_each(|taker| taker.join().unwrap());
    for other in others {
        let outcome = other.join();
        assert!(outcome.is_ok() || was_cancelled(outcome));
    }
    assert_eq!(shared.0.load(SeqCst), 0);
}
