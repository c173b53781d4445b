//! A cancelled wait leaves locks, notifications and messages to others.

use fibra::{
    cancel::Cancelled,
    sync::{Condvar, Mutex, mpsc, oneshot},
    thread,
};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

fn was_cancelled<T>(joined: thread::Result<T>) -> bool {
    joined.is_err_and(|payload| payload.is::<Cancelled>())
}

/// Lets everybody else on this worker run until they wait.
fn let_others_wait() {
    for _ in 0..3 {
        thread::yield_now();
    }
}

/// One worker: who was spawned waits once we have yielded to it.
fn run(main: impl FnOnce() + Send + 'static) {
    fibra::Builder::new().workers(1).run(main);
}

#[test]
fn lock_is_no_cancellation_point_and_what_follows_is() {
    run(|| {
        let mutex = Arc::new(Mutex::new(0));
        let mut held = mutex.lock().unwrap();
        let locker = thread::spawn({
            let mutex = Arc::clone(&mutex);
            move || {
                *mutex.lock().unwrap() += 1;
                thread::sleep(Duration::from_secs(3600));
            }
        });
        let_others_wait();
        locker.cancel();
        let_others_wait();
        assert!(!locker.is_finished());
        *held = 10;
        drop(held);
        assert!(was_cancelled(locker.join()));
        assert_eq!(*mutex.lock().unwrap(), 11);
    });
}

#[test]
fn a_cancelled_wait_takes_the_mutex_again_before_it_unwinds_and_does_not_poison_it() {
    struct Tell(Arc<AtomicBool>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.store(true, SeqCst);
        }
    }
    run(|| {
        let shared = Arc::new((Mutex::new(()), Condvar::new()));
        let unwound = Arc::new(AtomicBool::new(false));
        for timed in [false, true] {
            unwound.store(false, SeqCst);
            let waiter = thread::spawn({
                let (shared, tell) = (Arc::clone(&shared), Tell(Arc::clone(&unwound)));
                move || {
                    let _tell = tell;
                    let guard = shared.0.lock().unwrap();
                    match timed {
                        false => drop(shared.1.wait(guard).unwrap()),
                        true => drop(shared.1.wait_timeout(guard, Duration::from_secs(3600)).unwrap()),
                    }
                }
            });
            let_others_wait();
            let held = shared.0.lock().unwrap();
            waiter.cancel();
            let_others_wait();
            assert!(!unwound.load(SeqCst));
            drop(held);
            assert!(was_cancelled(waiter.join()));
            assert!(!shared.0.is_poisoned());
        }
    });
}

#[test]
fn a_notification_for_a_cancelled_waiter_goes_to_the_next() {
    run(|| {
        let shared = Arc::new((Mutex::new(()), Condvar::new()));
        let wait = || {
            let shared = Arc::clone(&shared);
            let waiter = thread::spawn(move || drop(shared.1.wait(shared.0.lock().unwrap()).unwrap()));
            let_others_wait();
            waiter
        };
        let (first, second) = (wait(), wait());
        first.cancel();
        shared.1.notify_one();
        // It may have been told first: then it has not waited in vain.
        match first.join() {
            Ok(()) => shared.1.notify_one(),
            cancelled => assert!(was_cancelled(cancelled)),
        }
        second.join().unwrap();
    });
}

/// A waker that acts at the worst moment: its own lock is granted by a waiter that has just joined the queue of the
/// condition variable, and has not looked yet whether it was cancelled.
struct Interfere {
    shared: &'static (Mutex<()>, Mutex<()>, Condvar),
    victim: std::sync::Mutex<Option<thread::JoinHandle<()>>>,
    next: std::sync::Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
}

impl Wake for Interfere {
    fn wake(self: Arc<Self>) {
        let (_, other, changed) = self.shared;
        let mut next = Box::pin(async { drop(changed.wait_async(other.lock_async().await.unwrap()).await) });
        assert!(next.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        *self.next.lock().unwrap() = Some(next);
        changed.notify_one();
        self.victim.lock().unwrap().as_ref().unwrap().cancel();
    }
}

#[test]
fn a_notification_that_meets_a_cancel_goes_to_the_next() {
    run(|| {
        let shared: &(Mutex<()>, Mutex<()>, Condvar) = Box::leak(Box::default());
        let (mutex, _, changed) = shared;
        let interfere = Arc::new(Interfere { shared, victim: Default::default(), next: Default::default() });
        let victim = thread::spawn(move || {
            let guard = mutex.lock().unwrap();
            thread::yield_now();
            drop(changed.wait(guard).unwrap());
        });
        *interfere.victim.lock().unwrap() = Some(victim);
        thread::yield_now();
        let mut lock = Box::pin(mutex.lock_async());
        let waker = Waker::from(Arc::clone(&interfere));
        assert!(lock.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "the victim has it");
        let_others_wait();
        drop(lock);
        let victim = interfere.victim.lock().unwrap().take().unwrap();
        assert!(was_cancelled(victim.join()));
        let next = interfere.next.lock().unwrap().take().unwrap();
        fibra::wait(next);
    });
}

#[test]
fn a_cancelled_receive_loses_no_message() {
    run(|| {
        let (sender, receiver) = mpsc::channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for i in 0..20 {
            let receiving = thread::spawn({
                let receiver = Arc::clone(&receiver);
                move || receiver.lock().unwrap().recv().unwrap()
            });
            let_others_wait();
            sender.send(i).unwrap();
            receiving.cancel();
            match receiving.join() {
                Ok(message) => assert_eq!(message, i),
                cancelled => {
                    assert!(was_cancelled(cancelled));
                    receiver.clear_poison();
                    assert_eq!(receiver.lock().unwrap().try_recv(), Ok(i));
                }
            }
        }
    });
}

#[test]
fn a_cancelled_send_drops_its_message() {
    run(|| {
        let message = Arc::new(());
        let (sender, receiver) = mpsc::sync_channel(0);
        let sending = thread::spawn({
            let message = Arc::clone(&message);
            move || sender.send(message)
        });
        let_others_wait();
        sending.cancel();
        assert!(was_cancelled(sending.join()));
        assert_eq!(Arc::strong_count(&message), 1);
        assert_eq!(receiver.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    });
}

#[test]
fn a_cancelled_wait_for_a_oneshot_closes_it() {
    run(|| {
        let (sender, receiver) = oneshot::channel::<u8>();
        let waiter = thread::spawn(move || receiver.recv());
        let_others_wait();
        waiter.cancel();
        assert!(was_cancelled(waiter.join()));
        assert_eq!(sender.send(1), Err(1));
    });
}

/// Each permit is announced once, and there are as many as takers. In between wait others, who pass on what
/// they are told, and are cancelled all the while. If one of those swallowed a notification, a taker would
/// sleep for ever.
#[test]
fn no_notification_is_lost_among_cancelled_waits() {
    const TAKERS: usize = 500;
    fibra::run(|| {
        let shared = Arc::new((Mutex::new(0_usize), Condvar::new()));
        let wait = |takes: bool| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (permits, added) = &*shared;
                let mut guard = added.wait_while(permits.lock().unwrap(), |permits| *permits == 0).unwrap();
                match takes {
                    true => *guard -= 1,
                    false => added.notify_one(),
                }
            })
        };
        let (takers, others): (Vec<_>, Vec<_>) = (0..TAKERS).map(|_| (wait(true), wait(false))).unzip();
        for (i, other) in others.iter().enumerate() {
            if i % 2 == 0 {
                other.cancel();
            }
            *shared.0.lock().unwrap() += 1;
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
            assert!(other.join().map_or_else(|payload| payload.is::<Cancelled>(), |()| true));
        }
        assert_eq!(*shared.0.lock().unwrap(), 0);
    });
}
