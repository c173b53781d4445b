//! Models: each runs its threads in every order that matters, with the atomics and locks of loom.

use super::{
    CancellationToken, Condvar, Latch, Mutex, Notify, Semaphore, WaitGroup, broadcast, channel, mpsc,
    oneshot,
    wait_queue::{Notice, WaitQueue},
};
use crate::primitive::unmodelled::{AtomicBool, Ordering};
use ::loom::{cell::UnsafeCell, thread};
use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

/// Runs `model` in every order with at most three preemptions (or as many as `LOOM_MAX_PREEMPTIONS` says).
pub(crate) fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(3);
    builder.check(model);
}

/// A thread of the model that waits. loom forgets that a thread was unparked if it was waiting for a lock just then, so there is
/// a flag beside it; not one of loom's, for it is not what is modelled.
struct Unpark {
    thread: thread::Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// Drives a future on a thread of the model. A wake-up that is lost is a deadlock, which loom reports.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let unpark = Arc::new(Unpark { thread: thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&unpark));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        while !unpark.woken.swap(false, Ordering::SeqCst) {
            thread::park();
        }
    }
}

pub(super) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Notices when two threads are in it at once.
struct Exclusive(UnsafeCell<usize>);

impl Exclusive {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    fn increment(&self) -> usize {
        // SAFETY: loom checks that nobody else is in here, and fails the model otherwise.
        self.0.with_mut(|count| unsafe {
            *count += 1;
            *count
        })
    }
}

// SAFETY: what is checked here, by loom, is that the lock around it makes this true.
unsafe impl Send for Exclusive {}

mod wait_queue {
    use super::*;

    #[test]
    fn a_notice_for_a_dropped_waiter_goes_to_the_next() {
        check(|| {
            let queue = Arc::new(WaitQueue::new());
            let (mut dropped, mut other) = (queue.wait(), queue.wait());
            assert!(poll_once(&mut dropped).is_pending());
            assert!(poll_once(&mut other).is_pending());
            let notifier = thread::spawn({
                let queue = Arc::clone(&queue);
                move || queue.notify_one()
            });
            drop(dropped);
            assert_eq!(block_on(&mut other), Notice::One);
            notifier.join().unwrap();
        });
    }

    #[test]
    fn a_notice_is_either_seen_by_a_waiter_whose_time_is_up_or_goes_to_the_next() {
        check(|| {
            let queue = Arc::new(WaitQueue::new());
            let (mut timed_out, mut other) = (queue.wait(), queue.wait());
            assert!(poll_once(&mut timed_out).is_pending());
            assert!(poll_once(&mut other).is_pending());
            let notifier = thread::spawn({
                let queue = Arc::clone(&queue);
                move || queue.notify_one()
            });
            match timed_out.leave() {
                None => assert_eq!(block_on(&mut other), Notice::One),
                Some(_) => {
                    notifier.join().unwrap();
                    assert!(poll_once(&mut other).is_pending(), "one notice for two");
                    return;
                }
            }
            notifier.join().unwrap();
        });
    }

    #[test]
    fn one_notice_sends_on_one_of_two_waiters() {
        check(|| {
            let queue = Arc::new(WaitQueue::new());
            let (mut first, mut second) = (queue.wait(), queue.wait());
            assert!(poll_once(&mut first).is_pending());
            assert!(poll_once(&mut second).is_pending());
            let notifier = thread::spawn({
                let queue = Arc::clone(&queue);
                move || queue.notify_one()
            });
            assert_eq!(block_on(&mut first), Notice::One);
            assert!(poll_once(&mut second).is_pending());
            notifier.join().unwrap();
        });
    }

    #[test]
    fn all_that_wait_are_sent_on_by_notify_all() {
        check(|| {
            let queue = Arc::new(WaitQueue::new());
            let (mut first, mut second) = (queue.wait(), queue.wait());
            assert!(poll_once(&mut first).is_pending());
            assert!(poll_once(&mut second).is_pending());
            let notifier = thread::spawn({
                let queue = Arc::clone(&queue);
                move || queue.notify_all()
            });
            assert_eq!(block_on(&mut second), Notice::All);
            assert_eq!(block_on(&mut first), Notice::All);
            notifier.join().unwrap();
        });
    }
}

mod mutex {
    use super::*;

    #[test]
    fn three_lockers_exclude_each_other_and_all_get_the_lock() {
        check(|| {
            let mutex = Arc::new(Mutex::new(Exclusive::new()));
            let lockers = [0; 2].map(|_| {
                let mutex = Arc::clone(&mutex);
                thread::spawn(move || block_on(mutex.lock_async()).unwrap().increment())
            });
            block_on(mutex.lock_async()).unwrap().increment();
            for locker in lockers {
                locker.join().unwrap();
            }
            assert_eq!(mutex.try_lock().unwrap().increment(), 4);
        });
    }

    #[test]
    fn two_lockers_get_the_lock_again_and_again() {
        check(|| {
            let mutex = Arc::new(Mutex::new(Exclusive::new()));
            let locker = thread::spawn({
                let mutex = Arc::clone(&mutex);
                move || {
                    for _ in 0..2 {
                        block_on(mutex.lock_async()).unwrap().increment();
                    }
                }
            });
            for _ in 0..2 {
                block_on(mutex.lock_async()).unwrap().increment();
            }
            locker.join().unwrap();
            assert_eq!(mutex.try_lock().unwrap().increment(), 5);
        });
    }

    #[test]
    fn a_turn_that_is_given_up_goes_to_the_next() {
        check(|| {
            let mutex = Arc::new(Mutex::new(Exclusive::new()));
            let held = mutex.try_lock().unwrap();
            let mut given_up = mutex.lock_async();
            assert!(poll_once(&mut given_up).is_pending());
            let waiter = thread::spawn({
                let mutex = Arc::clone(&mutex);
                move || block_on(mutex.lock_async()).unwrap().increment()
            });
            held.increment();
            drop(held);
            drop(given_up);
            waiter.join().unwrap();
        });
    }

    #[test]
    fn a_lock_that_was_handed_to_a_future_that_is_dropped_is_free_again() {
        check(|| {
            let mutex = Arc::new(Mutex::new(Exclusive::new()));
            let held = mutex.try_lock().unwrap();
            let mut loser = mutex.lock_async();
            assert!(poll_once(&mut loser).is_pending());
            drop(held);
            let held = mutex.try_lock().unwrap();
            // Loses to the one above, and asks to be handed the lock.
            assert!(poll_once(&mut loser).is_pending());
            let waiter = thread::spawn({
                let mutex = Arc::clone(&mutex);
                move || block_on(mutex.lock_async()).unwrap().increment()
            });
            drop(held);
            assert!(mutex.try_lock().is_err(), "handed over, not freed");
            drop(loser);
            waiter.join().unwrap();
            assert_eq!(mutex.try_lock().unwrap().increment(), 2);
        });
    }
}

mod condvar {
    use super::*;

    #[test]
    fn a_change_made_after_the_wait_began_is_not_missed() {
        check(|| {
            let shared = Arc::new((Mutex::new(false), Condvar::new()));
            let notifier = thread::spawn({
                let shared = Arc::clone(&shared);
                move || {
                    *block_on(shared.0.lock_async()).unwrap() = true;
                    shared.1.notify_one();
                }
            });
            let mut guard = block_on(shared.0.lock_async()).unwrap();
            while !*guard {
                guard = block_on(shared.1.wait_async(guard)).unwrap();
            }
            drop(guard);
            notifier.join().unwrap();
        });
    }

    #[test]
    fn a_waiter_dropped_on_its_way_back_to_the_mutex_passes_its_notice_on() {
        check(|| {
            let shared = Arc::new((Mutex::new(false), Condvar::new()));
            let mut dropped = Box::pin(shared.1.wait_async(shared.0.try_lock().unwrap()));
            let mut other = Box::pin(shared.1.wait_async({
                assert!(poll_once(&mut dropped).is_pending());
                shared.0.try_lock().unwrap()
            }));
            assert!(poll_once(&mut other).is_pending());
            let notifier = thread::spawn({
                let shared = Arc::clone(&shared);
                move || {
                    let mut guard = block_on(shared.0.lock_async()).unwrap();
                    *guard = true;
                    shared.1.notify_one();
                }
            });
            // Told or not, on its way to the mutex or not.
            let seen = poll_once(&mut dropped).is_ready();
            drop(dropped);
            if !seen {
                assert!(*block_on(other).unwrap());
            }
            notifier.join().unwrap();
        });
    }
}

mod barrier_models;
mod broadcast_models;
mod channel_models;
mod mpsc_models;
mod notify_models;
mod once_models;
mod rwlock_models;
mod semaphore_models;

mod oneshot_models {
    use super::*;
    use oneshot::RecvError;

    #[test]
    fn a_value_that_is_sent_is_received() {
        check(|| {
            let (sender, receiver) = oneshot::channel();
            let sending = thread::spawn(move || sender.send(3).unwrap());
            assert_eq!(block_on(receiver), Ok(3));
            sending.join().unwrap();
        });
    }

    #[test]
    fn a_receiver_that_changes_its_waker_is_woken_by_the_last() {
        check(|| {
            let (sender, mut receiver) = oneshot::channel();
            let early = poll_once(&mut receiver);
            assert!(early.is_pending());
            let sending = thread::spawn(move || sender.send(3).unwrap());
            assert_eq!(block_on(receiver), Ok(3));
            sending.join().unwrap();
        });
    }

    #[test]
    fn a_sender_that_is_dropped_ends_the_wait() {
        check(|| {
            let (sender, receiver) = oneshot::channel::<u8>();
            let hanging_up = thread::spawn(move || drop(sender));
            assert_eq!(block_on(receiver), Err(RecvError));
            hanging_up.join().unwrap();
        });
    }

    #[test]
    fn a_value_has_one_owner_when_the_receiver_goes_as_it_is_sent() {
        check(|| {
            let value = Arc::new(());
            let (sender, mut receiver) = oneshot::channel();
            assert!(poll_once(&mut receiver).is_pending());
            let sending = thread::spawn({
                let value = Arc::clone(&value);
                move || sender.send(value).is_err()
            });
            drop(receiver);
            sending.join().unwrap();
            assert_eq!(Arc::strong_count(&value), 1);
        });
    }

    #[test]
    fn a_sender_that_waits_for_the_end_of_the_receiver_is_told() {
        check(|| {
            let (mut sender, receiver) = oneshot::channel::<u8>();
            let closing = thread::spawn(move || drop(receiver));
            block_on(sender.closed_async());
            assert!(sender.is_closed());
            closing.join().unwrap();
        });
    }

    #[test]
    fn a_sender_may_stop_waiting_for_the_end_of_the_receiver_while_that_ends() {
        check(|| {
            let (mut sender, receiver) = oneshot::channel();
            let mut closed = sender.closed_async();
            assert!(poll_once(&mut closed).is_pending());
            let closing = thread::spawn(move || drop(receiver));
            drop(closed);
            let sent = sender.send(1).is_ok();
            closing.join().unwrap();
            let _: bool = sent;
        });
    }
}
