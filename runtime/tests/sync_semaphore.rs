//! A semaphore gives out as many permits as it has, in the order of asking, and loses none.

use fibra::{
    cancel::Cancelled,
    future,
    sync::{AcquireTimeoutError, Semaphore, TryAcquireError},
    thread,
    time::{timeout, timeout_async},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(5);

/// Lets everybody else on this worker run until they wait.
fn let_others_wait() {
    for _ in 0..3 {
        thread::yield_now();
    }
}

fn was_cancelled<T>(joined: thread::Result<T>) -> bool {
    joined.is_err_and(|payload| payload.is::<Cancelled>())
}

fn shared(permits: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(permits))
}

/// Counts who is inside, and remembers the most.
#[derive(Default)]
struct Inside {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Inside {
    fn enter(&self) {
        self.most.fetch_max(self.now.fetch_add(1, SeqCst) + 1, SeqCst);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, SeqCst);
    }
}

#[fibra::test]
fn no_more_are_inside_than_there_are_permits_whatever_they_are() {
    const PERMITS: usize = 3;
    let (semaphore, inside) = (shared(PERMITS), Arc::new(Inside::default()));
    let both = || (Arc::clone(&semaphore), Arc::clone(&inside));
    let green: Vec<_> = (0..8)
        .map(|_| {
            let (semaphore, inside) = both();
            thread::spawn(move || {
                for _ in 0..100 {
                    let _permit = semaphore.acquire().unwrap();
                    inside.enter();
                    thread::yield_now();
                    inside.leave();
                }
            })
        })
        .collect();
    let futures: Vec<_> = (0..8)
        .map(|_| {
            let (semaphore, inside) = both();
            future::spawn(async move {
                for _ in 0..100 {
                    let _permit = semaphore.acquire_async().await.unwrap();
                    inside.enter();
                    future::yield_now().await;
                    inside.leave();
                }
            })
        })
        .collect();
    let os: Vec<_> = (0..2)
        .map(|_| {
            let (semaphore, inside) = both();
            std::thread::spawn(move || {
                for _ in 0..100 {
                    let _permit = semaphore.clone().acquire_owned().unwrap();
                    inside.enter();
                    std::thread::yield_now();
                    inside.leave();
                }
            })
        })
        .collect();
    green.into_iter().for_each(|thread| thread.join().unwrap());
    futures.into_iter().for_each(|task| fibra::wait(task).unwrap());
    fibra::unblock(|| os.into_iter().for_each(|thread| thread.join().unwrap()));
    assert!(inside.most.load(SeqCst) <= PERMITS);
    assert_eq!(semaphore.available_permits(), PERMITS);
}

#[fibra::test(workers = 1)]
fn those_that_wait_are_served_in_order_and_none_is_overtaken_by_who_asks_for_less() {
    let (semaphore, served) = (shared(0), Arc::new(Mutex::new(Vec::new())));
    let waiters: Vec<_> = [3, 1, 2]
        .into_iter()
        .map(|count| {
            let (semaphore, served) = (Arc::clone(&semaphore), Arc::clone(&served));
            let waiter = thread::spawn(move || {
                semaphore.acquire_many(count).unwrap().forget();
                served.lock().unwrap().push(count);
            });
            let_others_wait();
            waiter
        })
        .collect();
    for (added, expected) in [(2, &[][..]), (1, &[3]), (1, &[3, 1]), (1, &[3, 1]), (1, &[3, 1, 2])] {
        assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits, "others wait");
        semaphore.add_permits(added);
        let_others_wait();
        assert_eq!(*served.lock().unwrap(), expected);
    }
    waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    assert_eq!(semaphore.available_permits(), 0);
}

#[fibra::test(workers = 1)]
fn one_release_serves_all_for_whom_it_is_enough() {
    let semaphore = shared(0);
    let waiters: Vec<_> = (0..5)
        .map(|_| {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.acquire_many(2).unwrap().forget())
        })
        .collect();
    let_others_wait();
    semaphore.add_permits(9);
    let_others_wait();
    assert_eq!(waiters.iter().filter(|waiter| waiter.is_finished()).count(), 4);
    assert_eq!(semaphore.available_permits(), 1);
    semaphore.add_permits(1);
    waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
}

#[test]
fn no_permits_are_had_at_once_and_too_many_never() {
    let semaphore = Semaphore::new(0);
    assert_eq!(semaphore.acquire_many(0).unwrap().num_permits(), 0);
    assert!(catch_unwind(|| Semaphore::new(Semaphore::MAX_PERMITS + 1)).is_err());
    semaphore.add_permits(Semaphore::MAX_PERMITS);
    assert!(catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(1))).is_err());
    // The panic has broken nothing.
    assert_eq!(semaphore.acquire_many(Semaphore::MAX_PERMITS).unwrap().num_permits(), Semaphore::MAX_PERMITS);
}

#[test]
fn permits_are_split_forgotten_and_given_back() {
    let semaphore = shared(5);
    let mut permit = Arc::clone(&semaphore).acquire_many_owned(5).unwrap();
    permit.split(2).unwrap().forget();
    assert!(permit.split(4).is_none());
    let part = permit.split(1).unwrap();
    assert_eq!((permit.num_permits(), part.num_permits()), (2, 1));
    drop(part);
    assert_eq!(semaphore.available_permits(), 1);
    drop(permit);
    assert_eq!(semaphore.available_permits(), 3);
    assert_eq!(semaphore.forget_permits(10), 3);
    assert_eq!(semaphore.try_acquire_owned().unwrap_err(), TryAcquireError::NoPermits);
}

#[fibra::test]
fn a_close_ends_the_waits_of_all_kinds_and_leaves_permits_that_were_given_out() {
    let semaphore = shared(1);
    let held = semaphore.acquire().unwrap();
    let green = thread::spawn({
        let semaphore = Arc::clone(&semaphore);
        move || semaphore.acquire().is_err()
    });
    let task = future::spawn({
        let acquiring = Arc::clone(&semaphore).acquire_owned_async();
        async move { acquiring.await.is_err() }
    });
    let os = std::thread::spawn({
        let semaphore = Arc::clone(&semaphore);
        move || semaphore.acquire_many(2).is_err()
    });
    thread::sleep(SHORT);
    semaphore.close();
    assert!(green.join().unwrap());
    assert!(fibra::wait(task).unwrap());
    assert!(fibra::unblock(|| os.join().unwrap()));
    assert!(semaphore.is_closed());
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
    assert_eq!(semaphore.available_permits(), 0);
    drop(held);
    assert_eq!(semaphore.available_permits(), 1);
}

#[fibra::test(workers = 1)]
fn a_cancelled_wait_gives_back_what_it_had_been_granted() {
    let semaphore = shared(0);
    let wait = || {
        let semaphore = Arc::clone(&semaphore);
        let waiter = thread::spawn(move || drop(semaphore.acquire().unwrap()));
        let_others_wait();
        waiter
    };
    let (cancelled, next) = (wait(), wait());
    // Granted, and then cancelled before it has run.
    semaphore.add_permits(1);
    cancelled.cancel();
    let outcome = cancelled.join();
    assert!(outcome.is_ok() || was_cancelled(outcome));
    next.join().unwrap();
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn who_waits_for_many_gets_as_many() {
    let semaphore = shared(0);
    let mut context = Context::from_waker(Waker::noop());
    let mut borrowed = pin!(semaphore.acquire_many_async(2));
    let mut owned = pin!(Arc::clone(&semaphore).acquire_many_owned_async(3));
    assert!(borrowed.as_mut().poll(&mut context).is_pending());
    assert!(owned.as_mut().poll(&mut context).is_pending());
    semaphore.add_permits(6);
    let Poll::Ready(Ok(two)) = borrowed.as_mut().poll(&mut context) else { panic!("there are enough") };
    let Poll::Ready(Ok(three)) = owned.as_mut().poll(&mut context) else { panic!("there are enough") };
    assert_eq!((two.num_permits(), three.num_permits(), semaphore.available_permits()), (2, 3, 1));
    drop((two, three));
    assert_eq!(semaphore.available_permits(), 6);
}

#[test]
fn a_dropped_future_gives_back_what_it_had_been_granted() {
    let semaphore = shared(0);
    let mut context = Context::from_waker(Waker::noop());
    let mut dropped = Box::pin(semaphore.acquire_many_async(3));
    let mut next = pin!(semaphore.acquire_async());
    assert!(dropped.as_mut().poll(&mut context).is_pending());
    assert!(next.as_mut().poll(&mut context).is_pending());
    semaphore.add_permits(3);
    assert!(next.as_mut().poll(&mut context).is_pending());
    drop(dropped);
    assert!(next.as_mut().poll(&mut context).is_ready());
    assert_eq!(semaphore.available_permits(), 3);
}

#[test]
fn a_front_waiter_that_leaves_lets_those_behind_it_go_on() {
    let semaphore = shared(1);
    let mut context = Context::from_waker(Waker::noop());
    let mut large = Box::pin(semaphore.acquire_many_async(2));
    let mut small = pin!(semaphore.acquire_async());
    assert!(large.as_mut().poll(&mut context).is_pending());
    assert!(small.as_mut().poll(&mut context).is_pending(), "it waits behind the large one");
    drop(large);
    assert!(small.as_mut().poll(&mut context).is_ready());
}

#[fibra::test(workers = 1)]
fn a_wait_whose_time_is_up_leaves_the_queue() {
    let semaphore = shared(1);
    assert!(timeout(SHORT, || semaphore.acquire_many(2).is_ok()).is_err());
    assert!(fibra::wait(timeout_async(SHORT, semaphore.acquire_many_async(2))).is_err());
    let on_os_thread = std::thread::spawn({
        let semaphore = Arc::clone(&semaphore);
        move || fibra::wait(timeout_async(SHORT, semaphore.acquire_many_async(2))).is_err()
    });
    assert!(fibra::unblock(|| on_os_thread.join().unwrap()));
    assert!(semaphore.try_acquire().is_ok());
}

#[fibra::test(workers = 1)]
fn a_time_limit_ends_a_wait_of_any_kind_and_never_too_early() {
    let semaphore = shared(1);
    let checks = |semaphore: &Arc<Semaphore>| {
        let begun = Instant::now();
        assert_eq!(semaphore.acquire_many_timeout(2, SHORT).unwrap_err(), AcquireTimeoutError::Timeout);
        assert!(begun.elapsed() >= SHORT);
        let owned = || Arc::clone(semaphore);
        assert!(owned().acquire_many_owned_timeout(2, SHORT).is_err());
        // It has left the queue: nobody is behind it.
        assert!(semaphore.acquire_timeout(Duration::ZERO).is_ok());
        assert!(owned().acquire_owned_timeout(Duration::MAX).is_ok());
    };
    checks(&semaphore);
    let on_os_thread = std::thread::spawn({
        let semaphore = Arc::clone(&semaphore);
        move || checks(&semaphore)
    });
    fibra::unblock(|| on_os_thread.join().unwrap());
    assert_eq!(semaphore.available_permits(), 1);
}

#[fibra::test(workers = 1)]
fn a_permit_that_comes_in_time_a_close_and_a_cancel_end_a_wait_with_a_limit() {
    const LONG: Duration = Duration::from_secs(3600);
    let semaphore = shared(0);
    let wait = |limit| {
        let semaphore = Arc::clone(&semaphore);
        let waiter = thread::spawn(move || semaphore.acquire_many_owned_timeout(2, limit));
        let_others_wait();
        waiter
    };
    let (first, cancelled, closed, endless) = (wait(LONG), wait(LONG), wait(LONG), wait(Duration::MAX));
    semaphore.add_permits(2);
    first.join().unwrap().unwrap().forget();
    cancelled.cancel();
    assert!(was_cancelled(cancelled.join()));
    semaphore.close();
    assert_eq!(closed.join().unwrap().unwrap_err(), AcquireTimeoutError::Closed);
    assert_eq!(endless.join().unwrap().unwrap_err(), AcquireTimeoutError::Closed);
    assert_eq!(semaphore.acquire_timeout(LONG).unwrap_err(), AcquireTimeoutError::Closed);
}

#[fibra::test(workers = 1)]
fn what_is_granted_as_the_time_runs_out_is_had() {
    let semaphore = shared(0);
    let waiter = thread::spawn({
        let semaphore = Arc::clone(&semaphore);
        move || semaphore.acquire_timeout(Duration::from_millis(100)).map(drop)
    });
    let_others_wait();
    // The only worker is kept until the time is up, and then there is a permit as well.
    std::thread::sleep(Duration::from_millis(120));
    semaphore.add_permits(1);
    assert_eq!(waiter.join().unwrap(), Ok(()));
    assert_eq!(semaphore.available_permits(), 1);
}

#[fibra::test]
fn no_permit_is_lost_in_a_storm_of_cancelled_waits() {
    const PERMITS: usize = 4;
    let semaphore = shared(PERMITS);
    let waiters: Vec<_> = (0..2_000)
        .map(|i| {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || {
                let permit = semaphore.acquire_many(i % PERMITS + 1).unwrap();
                thread::yield_now();
                drop(permit);
            })
        })
        .collect();
    for (i, waiter) in waiters.iter().enumerate() {
        if i % 3 == 0 {
            waiter.cancel();
        }
        if i % 64 == 0 {
            thread::yield_now();
        }
    }
    for waiter in waiters {
        let outcome = waiter.join();
        assert!(outcome.is_ok() || was_cancelled(outcome));
    }
    assert_eq!(semaphore.available_permits(), PERMITS);
}
