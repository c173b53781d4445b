//! A future may do what happens once, or make a value once; if it is dropped half way, somebody else does.

use fibra::{
    sync::{Once, OnceLock},
    thread,
};
use std::{
    future::{Future, pending, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[fibra::test]
fn a_future_that_is_dropped_half_way_leaves_the_making_to_the_one_that_waits() {
    let lock = OnceLock::new();
    let dropped = AtomicUsize::new(0);
    struct CountDrop<'a>(&'a AtomicUsize);
    impl Drop for CountDrop<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let count = CountDrop(&dropped);
    let mut first = Box::pin(lock.get_or_init_async(async move {
        let _count = count;
        pending().await
    }));
    assert!(poll(first.as_mut()).is_pending());
    let mut waiter = pin!(lock.wait_async());
    let mut second = pin!(lock.get_or_init_async(ready(2)));
    assert!(poll(waiter.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    assert_eq!(lock.get(), None);
    drop(first);
    assert_eq!(dropped.load(SeqCst), 1);
    assert!(poll(waiter.as_mut()).is_pending(), "nobody has made it yet");
    assert_eq!(poll(second.as_mut()), Poll::Ready(&2));
    assert_eq!(poll(waiter.as_mut()), Poll::Ready(&2));
}

#[fibra::test]
fn a_green_thread_takes_over_from_a_future_that_is_dropped() {
    let lock = Arc::new(OnceLock::new());
    let mut first = Box::pin(lock.get_or_init_async(pending::<u8>()));
    assert!(poll(first.as_mut()).is_pending());
    let green = thread::spawn({
        let lock = Arc::clone(&lock);
        move || *lock.get_or_init(|| 3)
    });
    let os = std::thread::spawn({
        let lock = Arc::clone(&lock);
        move || *lock.wait()
    });
    thread::sleep(Duration::from_millis(1));
    assert!(!green.is_finished());
    drop(first);
    assert_eq!(green.join().unwrap(), 3);
    assert_eq!(fibra::unblock(|| os.join().unwrap()), 3);
}

#[fibra::test]
fn a_future_that_is_not_needed_is_not_polled() {
    let lock = OnceLock::from(1);
    let make = async { unreachable!("there is a value") };
    assert_eq!(fibra::wait(lock.get_or_init_async(make)), &1);
}

#[fibra::test]
fn a_future_that_panics_leaves_the_making_to_the_next() {
    let lock = OnceLock::new();
    let panics = async { panic!("on purpose") };
    assert!(catch_unwind(AssertUnwindSafe(|| fibra::wait(lock.get_or_init_async(panics)))).is_err());
    assert_eq!(fibra::wait(lock.get_or_init_async(ready(1))), &1);
}

#[fibra::test]
fn waits_that_are_given_up_at_random_lose_nobody() {
    for round in 0..100 {
        let lock = Arc::new(OnceLock::new());
        let askers: Vec<_> = (0..12)
            .map(|i| {
                let lock = Arc::clone(&lock);
                fibra::future::spawn(async move {
                    let mut ask = Box::pin(lock.get_or_init_async(async {
                        fibra::future::yield_now().await;
                        i
                    }));
                    match poll(ask.as_mut()) {
                        Poll::Ready(value) => return *value,
                        Poll::Pending if (i + round) % 3 > 0 => return *ask.await,
                        Poll::Pending => drop(ask),
                    }
                    *lock.wait_async().await
                })
            })
            .collect();
        let values: Vec<i32> = askers.into_iter().map(|asker| fibra::wait(asker).unwrap()).collect();
        assert!(values.iter().all(|value| lock.get() == Some(value)));
    }
}

// `Once`

#[fibra::test]
fn a_once_whose_future_is_dropped_half_way_is_not_poisoned_and_whoever_waits_does_it() {
    let once = Arc::new(Once::new());
    let mut first = Box::pin(once.call_once_async(pending()));
    assert!(poll(first.as_mut()).is_pending());
    let green = thread::spawn({
        let once = Arc::clone(&once);
        move || once.wait()
    });
    let os = std::thread::spawn({
        let once = Arc::clone(&once);
        move || once.call_once(|| ())
    });
    thread::sleep(Duration::from_millis(1));
    assert!(!green.is_finished() && !os.is_finished() && !once.is_completed());
    drop(first);
    fibra::unblock(|| os.join().unwrap());
    green.join().unwrap();
    assert!(once.is_completed());
}

#[fibra::test]
fn a_cancelled_green_thread_drops_its_future_and_the_next_is_not_told_of_a_poison() {
    let once = Arc::new(Once::new());
    let cancelled = thread::spawn({
        let once = Arc::clone(&once);
        move || fibra::wait(once.call_once_async(pending()))
    });
    thread::sleep(Duration::from_millis(1));
    cancelled.cancel();
    assert!(cancelled.join().is_err());
    let mut is_poisoned = true;
    fibra::wait(once.call_once_force_async(async |state| is_poisoned = state.is_poisoned()));
    assert!(!is_poisoned && once.is_completed());
}

#[fibra::test]
fn a_future_that_panics_poisons_a_once_until_one_that_is_told_has_done_it() {
    let once = Once::new();
    let panics = || once.call_once_async(async { panic!("on purpose") });
    assert!(catch_unwind(AssertUnwindSafe(|| fibra::wait(panics()))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| fibra::wait(once.call_once_async(ready(()))))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| once.call_once(|| ()))).is_err());
    // One that is told, and given up, leaves the poison.
    let mut given_up = Box::pin(once.call_once_force_async(async |state| {
        assert!(state.is_poisoned());
        pending().await
    }));
    assert!(poll(given_up.as_mut()).is_pending());
    drop(given_up);
    assert!(catch_unwind(AssertUnwindSafe(|| fibra::wait(once.wait_async()))).is_err());
    fibra::wait(once.call_once_force_async(async |state| assert!(state.is_poisoned())));
    fibra::wait(once.call_once_async(async { unreachable!("it has been done") }));
}

#[fibra::test]
fn a_poll_that_is_unwound_by_a_cancel_has_left_its_work_half_done() {
    let once = Arc::new(Once::new());
    let unwound = thread::spawn({
        let once = Arc::clone(&once);
        // The direct wait inside of the poll is what the cancel ends.
        move || fibra::wait(once.call_once_async(async { thread::park() }))
    });
    thread::sleep(Duration::from_millis(1));
    unwound.cancel();
    assert!(unwound.join().is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| once.call_once(|| ()))).is_err());
}

#[fibra::test]
fn runs_that_are_given_up_at_random_end_in_one_that_is_not() {
    for round in 0..100 {
        let (once, done) = (Arc::new(Once::new()), Arc::new(AtomicUsize::new(0)));
        let askers: Vec<_> = (0..12)
            .map(|i| {
                let (once, done) = (Arc::clone(&once), Arc::clone(&done));
                fibra::future::spawn(async move {
                    let mut call = Box::pin(once.call_once_async(async {
                        fibra::future::yield_now().await;
                        done.fetch_add(1, SeqCst);
                    }));
                    match poll(call.as_mut()) {
                        Poll::Ready(()) => return,
                        Poll::Pending if (i + round) % 3 > 0 => return call.await,
                        Poll::Pending => drop(call),
                    }
                    once.wait_async().await;
                })
            })
            .collect();
        askers.into_iter().for_each(|asker| fibra::wait(asker).unwrap());
        assert_eq!(done.load(SeqCst), 1);
    }
}

#[test]
fn a_future_that_waits_by_force_goes_on_through_panics() {
    let once = Once::new();
    let mut waiting = pin!(once.wait_force_async());
    assert!(poll(waiting.as_mut()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| once.call_once(|| panic!("half way")))).is_err());
    assert!(poll(waiting.as_mut()).is_pending());
    once.call_once_force(|_| ());
    assert!(poll(waiting.as_mut()).is_ready());
    assert!(poll(pin!(once.wait_force_async())).is_ready());
}
