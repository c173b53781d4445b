//! A condition variable misses no change and loses no notification.

use fibra::sync::{Condvar, Mutex};
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3600);

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn notifying_nobody_does_nothing() {
    let changed = Condvar::default();
    changed.notify_one();
    changed.notify_all();
    let (mutex, start) = (Mutex::new(()), Instant::now());
    let (_guard, result) = changed.wait_timeout(mutex.lock().unwrap(), SHORT).unwrap();
    assert!(result.timed_out(), "a notification is not kept for later");
    assert!(start.elapsed() >= SHORT);
}

#[test]
fn a_change_made_under_the_mutex_is_not_missed() {
    for _ in 0..200 {
        let (ready, changed) = (Mutex::new(false), Condvar::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                *ready.lock().unwrap() = true;
                changed.notify_one();
            });
            let mut guard = ready.lock().unwrap();
            while !*guard {
                guard = changed.wait(guard).unwrap();
            }
        });
    }
}

#[test]
fn notify_one_sends_on_one_and_in_order() {
    let (mutex, changed) = (Mutex::new(()), Condvar::new());
    let mut waits: Vec<_> = (0..3)
        .map(|_| {
            let mut wait = Box::pin(changed.wait_async(mutex.lock().unwrap()));
            assert!(poll(wait.as_mut()).is_pending());
            wait
        })
        .collect();
    changed.notify_one();
    assert!(poll(waits[1].as_mut()).is_pending());
    assert!(poll(waits[2].as_mut()).is_pending());
    assert!(poll(waits[0].as_mut()).is_ready());
    changed.notify_one();
    assert!(poll(waits[2].as_mut()).is_pending());
    assert!(poll(waits[1].as_mut()).is_ready());
}

#[test]
fn notify_all_sends_on_everybody_who_waits() {
    let (state, changed) = (Mutex::new((0, false)), Condvar::new());
    thread::scope(|scope| {
        for i in 0..8 {
            let (state, changed) = (&state, &changed);
            let wait_direct = move || {
                let mut guard = state.lock().unwrap();
                guard.0 += 1;
                drop(changed.wait_while(guard, |(_, open)| !*open).unwrap());
            };
            let wait_async = async move || {
                let mut guard = state.lock_async().await.unwrap();
                guard.0 += 1;
                while !guard.1 {
                    guard = changed.wait_async(guard).await.unwrap();
                }
            };
            scope.spawn(move || if i % 2 == 0 { wait_direct() } else { fibra::wait(wait_async()) });
        }
        while state.lock().unwrap().0 < 8 {
            thread::yield_now();
        }
        state.lock().unwrap().1 = true;
        changed.notify_all();
    });
}

#[test]
fn wait_while_goes_on_until_the_condition_is_false() {
    let (number, changed) = (Mutex::new(0), Condvar::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..10 {
                *number.lock().unwrap() += 1;
                changed.notify_one();
                thread::yield_now();
            }
        });
        assert_eq!(*changed.wait_while(number.lock().unwrap(), |number| *number < 10).unwrap(), 10);
    });
    assert_eq!(*changed.wait_while(number.lock().unwrap(), |_| false).unwrap(), 10);
}

#[test]
fn a_wait_that_was_notified_has_not_timed_out() {
    let (mutex, changed) = (Mutex::new(()), Condvar::new());
    thread::scope(|scope| {
        let guard = mutex.lock().unwrap();
        scope.spawn(|| {
            drop(mutex.lock().unwrap());
            changed.notify_one();
        });
        assert!(!changed.wait_timeout(guard, LONG).unwrap().1.timed_out());
    });
}

#[test]
fn a_timeout_that_the_clock_cannot_express_is_none() {
    let (mutex, changed) = (Mutex::new(()), Condvar::new());
    thread::scope(|scope| {
        let guard = mutex.lock().unwrap();
        scope.spawn(|| {
            drop(mutex.lock().unwrap());
            changed.notify_one();
        });
        assert!(!changed.wait_timeout(guard, Duration::MAX).unwrap().1.timed_out());
    });
}

#[test]
fn wait_timeout_while_tells_whether_the_condition_held_to_the_end() {
    let (ready, changed) = (Mutex::new(false), Condvar::new());
    let start = Instant::now();
    let (guard, result) = changed.wait_timeout_while(ready.lock().unwrap(), SHORT, |ready| !*ready).unwrap();
    assert!(result.timed_out() && !*guard && start.elapsed() >= SHORT);
    drop(guard);
    thread::scope(|scope| {
        let guard = ready.lock().unwrap();
        scope.spawn(|| {
            *ready.lock().unwrap() = true;
            changed.notify_one();
        });
        let (guard, result) = changed.wait_timeout_while(guard, LONG, |ready| !*ready).unwrap();
        assert!(!result.timed_out() && *guard);
    });
    let (_guard, result) =
        changed.wait_timeout_while(ready.lock().unwrap(), Duration::ZERO, |_| false).unwrap();
    assert!(!result.timed_out(), "a condition that is false at once needs no time");
}

#[test]
fn the_mutex_is_free_during_a_wait_and_held_after_it() {
    let (mutex, changed) = (Mutex::new(()), Condvar::new());
    let mut wait = Box::pin(changed.wait_async(mutex.lock().unwrap()));
    assert!(mutex.try_lock().is_err(), "not polled yet");
    assert!(poll(wait.as_mut()).is_pending());
    let held = mutex.try_lock().unwrap();
    changed.notify_one();
    assert!(poll(wait.as_mut()).is_pending(), "told, but the mutex is held");
    drop(held);
    let Poll::Ready(guard) = poll(wait.as_mut()) else { panic!("the mutex is free") };
    assert!(mutex.try_lock().is_err());
    drop(guard);
}

#[test]
fn a_waiter_that_is_dropped_passes_its_notification_on_at_every_stage() {
    let (mutex, changed) = (Mutex::new(()), Condvar::new());
    for relocking in [false, true] {
        let begin = || {
            let mut wait = Box::pin(changed.wait_async(mutex.lock().unwrap()));
            assert!(poll(wait.as_mut()).is_pending());
            wait
        };
        let mut dropped = begin();
        let mut next = Box::pin(changed.wait_async(mutex.lock().unwrap()));
        let woken = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&woken));
        assert!(next.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        changed.notify_one();
        let held = mutex.lock().unwrap();
        if relocking {
            assert!(poll(dropped.as_mut()).is_pending());
        }
        drop(dropped);
        drop(held);
        assert_eq!(woken.0.load(SeqCst), 1);
        assert!(poll(next.as_mut()).is_ready());
    }
}

#[test]
fn a_notification_of_all_is_not_passed_on_to_those_who_come_later() {
    let (mutex, changed) = (Mutex::new(()), Condvar::new());
    let mut dropped = Box::pin(changed.wait_async(mutex.lock().unwrap()));
    assert!(poll(dropped.as_mut()).is_pending());
    changed.notify_all();
    let mut later = Box::pin(changed.wait_async(mutex.lock().unwrap()));
    assert!(poll(later.as_mut()).is_pending());
    drop(dropped);
    assert!(poll(later.as_mut()).is_pending());
}

#[test]
fn a_wait_tells_of_a_panic_behind_the_mutex() {
    let (mutex, changed) = (Mutex::new(()), Condvar::new());
    thread::scope(|scope| {
        let guard = mutex.lock().unwrap();
        scope.spawn(|| {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                let _guard = mutex.lock().unwrap();
                panic!("on purpose");
            }));
            assert!(panicked.is_err());
            changed.notify_one();
        });
        assert!(changed.wait(guard).is_err());
    });
    let guard = mutex.lock().unwrap_err().into_inner();
    assert!(changed.wait_timeout(guard, Duration::ZERO).unwrap_err().into_inner().1.timed_out());
}

#[test]
fn it_serves_several_mutexes() {
    let (one, two, changed) = (Mutex::new(1), Mutex::new(2), Condvar::new());
    let mut first = Box::pin(changed.wait_async(one.lock().unwrap()));
    let mut second = Box::pin(changed.wait_async(two.lock().unwrap()));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    changed.notify_all();
    let (Poll::Ready(first), Poll::Ready(second)) = (poll(first.as_mut()), poll(second.as_mut())) else {
        panic!("both were told, and both mutexes are free");
    };
    assert_eq!((*first.unwrap(), *second.unwrap()), (1, 2));
}

/// Each permit is announced by one `notify_one`. Half of the takers wait with time limits that keep running
/// out, or drop their waits; if one of them swallowed a notification, a patient one would sleep for ever.
#[test]
fn no_notification_is_lost_among_waits_that_are_given_up() {
    const TAKERS: usize = 6;
    const EACH: usize = 300;
    let (permits, added) = (Mutex::new(0_usize), Condvar::new());
    let (done, finished) = mpsc::channel();
    thread::scope(|scope| {
        for taker in 0..TAKERS {
            let (permits, added, done) = (&permits, &added, done.clone());
            scope.spawn(move || {
                for i in 0..EACH {
                    match taker % 3 {
                        0 => take_patiently(permits, added),
                        1 => take_with_timeouts(permits, added, Duration::from_micros((i % 7) as u64 * 20)),
                        _ => take_with_drops(permits, added),
                    }
                }
                done.send(()).unwrap();
            });
        }
        for _ in 0..TAKERS * EACH {
            *permits.lock().unwrap() += 1;
            added.notify_one();
        }
        (0..TAKERS).for_each(|_| finished.recv().unwrap());
    });
    assert_eq!(permits.into_inner().unwrap(), 0);
}

fn take_patiently(permits: &Mutex<usize>, added: &Condvar) {
    *added.wait_while(permits.lock().unwrap(), |permits| *permits == 0).unwrap() -= 1;
}

fn take_with_timeouts(permits: &Mutex<usize>, added: &Condvar, limit: Duration) {
    let mut guard = permits.lock().unwrap();
    while *guard == 0 {
        guard = added.wait_timeout(guard, limit).unwrap().0;
    }
    *guard -= 1;
}

fn take_with_drops(permits: &Mutex<usize>, added: &Condvar) {
    loop {
        let guard = permits.lock().unwrap();
        let mut guard = if *guard == 0 {
            let mut wait = Box::pin(added.wait_async(guard));
            assert!(poll(wait.as_mut()).is_pending());
            thread::yield_now();
            match poll(wait.as_mut()) {
                Poll::Ready(guard) => guard.unwrap(),
                Poll::Pending => continue,
            }
        } else {
            guard
        };
        if *guard > 0 {
            *guard -= 1;
            return;
        }
    }
}

#[test]
fn a_future_waits_for_as_long_as_the_condition_is_true_and_no_longer() {
    let (mutex, changed) = (Mutex::new(0), Condvar::new());
    let at_once = changed.wait_while_async(mutex.lock().unwrap(), |value| *value > 0);
    assert_eq!(*fibra::wait(at_once).unwrap(), 0);
    let mut waiting = Box::pin(changed.wait_while_async(mutex.lock().unwrap(), |value| *value < 2));
    for value in [1, 2] {
        assert!(poll(waiting.as_mut()).is_pending());
        *mutex.lock().unwrap() = value;
        changed.notify_one();
    }
    let Poll::Ready(Ok(guard)) = poll(waiting.as_mut()) else { panic!("the condition is false") };
    assert!(mutex.try_lock().is_err());
    assert_eq!(*guard, 2);
}
