//! A mutex lets one in at a time, tells of panics behind it, and serves everybody in the end.

use fibra::sync::{Mutex, MutexGuard};
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc, LockResult, TryLockError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

/// Longer than a waiter loses races before it is handed the lock.
const OVERDUE: Duration = Duration::from_millis(2);

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn poisoned<T>(value: T) -> Mutex<T> {
    let mutex = Mutex::new(value);
    let panicked = catch_unwind(|| {
        let _guard = mutex.lock().unwrap();
        panic!("on purpose");
    });
    assert!(panicked.is_err());
    mutex
}

#[test]
fn it_lets_one_in_at_a_time() {
    let (mutex, inside) = (Mutex::new(0), AtomicUsize::new(0));
    let enter = |mut guard: MutexGuard<'_, u32>| {
        assert_eq!(inside.fetch_add(1, SeqCst), 0);
        *guard += 1;
        if guard.is_multiple_of(64) {
            thread::yield_now();
        }
        assert_eq!(inside.fetch_sub(1, SeqCst), 1);
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5_000).for_each(|_| enter(mutex.lock().unwrap())));
            scope.spawn(|| {
                fibra::wait(async {
                    for _ in 0..5_000 {
                        enter(mutex.lock_async().await.unwrap())
                    }
                })
            });
        }
    });
    assert_eq!(mutex.into_inner().unwrap(), 40_000);
}

#[test]
fn a_waiter_gets_the_lock_when_the_holder_lets_go() {
    let (mutex, released) = (Mutex::new(()), AtomicBool::new(false));
    let held = mutex.lock().unwrap();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let _guard = mutex.lock().unwrap();
                assert!(released.load(SeqCst));
            });
        }
        thread::sleep(Duration::from_millis(5));
        released.store(true, SeqCst);
        drop(held);
    });
}

#[test]
fn try_lock_never_waits() {
    let mutex = Mutex::new(1);
    let held = mutex.try_lock().unwrap();
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    drop(held);
    assert_eq!(*mutex.try_lock().unwrap(), 1);
}

#[test]
fn who_comes_first_after_an_unlock_gets_the_lock_before_the_one_who_was_woken() {
    let mutex = Mutex::new(());
    let held = mutex.lock().unwrap();
    let mut waiter = pin!(mutex.lock_async());
    assert!(poll(waiter.as_mut()).is_pending());
    drop(held);
    let barged = mutex.try_lock().expect("the lock is free, though a waiter was woken for it");
    assert!(poll(waiter.as_mut()).is_pending());
    drop(barged);
}

#[test]
fn a_waiter_that_has_waited_long_and_lost_is_handed_the_lock() {
    let mutex = Mutex::new(());
    let held = mutex.lock().unwrap();
    let mut waiter = pin!(mutex.lock_async());
    assert!(poll(waiter.as_mut()).is_pending());
    thread::sleep(OVERDUE);
    drop(held);
    let barged = mutex.lock().unwrap();
    assert!(poll(waiter.as_mut()).is_pending());
    drop(barged);
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)), "handed over, not freed");
    assert!(poll(waiter.as_mut()).is_ready());
}

#[test]
fn a_lock_that_was_handed_over_to_nobody_is_free() {
    let mutex = Mutex::new(());
    let held = mutex.lock().unwrap();
    let mut waiter = Box::pin(mutex.lock_async());
    assert!(poll(waiter.as_mut()).is_pending());
    thread::sleep(OVERDUE);
    drop(held);
    let barged = mutex.lock().unwrap();
    assert!(poll(waiter.as_mut()).is_pending());
    drop(barged);
    drop(waiter);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn nobody_starves_beside_those_who_lock_again_at_once() {
    let (mutex, over) = (Mutex::new(()), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(SeqCst) {
                    let _guard = mutex.lock().unwrap();
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_micros(200) {
                        std::hint::spin_loop();
                    }
                }
            });
        }
        // Ends if this thread gets the lock each time.
        for _ in 0..20 {
            drop(mutex.lock().unwrap());
        }
        over.store(true, SeqCst);
    });
}

type Waiter<'m> = Pin<Box<dyn Future<Output = LockResult<MutexGuard<'m, ()>>> + 'm>>;

/// Two that wait for a mutex that is held, one behind the other, and whether the second was woken.
fn two_waiters(mutex: &Mutex<()>) -> (Waiter<'_>, Waiter<'_>, Arc<Flag>) {
    let mut first: Waiter<'_> = Box::pin(mutex.lock_async());
    let mut second: Waiter<'_> = Box::pin(mutex.lock_async());
    let woken = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    assert!(poll(first.as_mut()).is_pending());
    assert!(second.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    (first, second, woken)
}

#[test]
fn a_waiter_that_gives_up_leaves_its_turn_to_the_next() {
    let mutex = Mutex::new(());
    let held = mutex.lock().unwrap();
    let (first, mut second, woken) = two_waiters(&mutex);
    drop(held);
    assert!(!woken.0.load(SeqCst), "one at a time is woken, the first first");
    drop(first);
    assert!(woken.0.load(SeqCst));
    assert!(poll(second.as_mut()).is_ready());
}

#[test]
fn a_waiter_that_does_not_run_holds_up_none_of_those_behind_it() {
    let mutex = Mutex::new(());
    let held = mutex.lock().unwrap();
    let (_first, mut second, woken) = two_waiters(&mutex);
    // The first is woken, and its worker does something else.
    drop(held);
    drop(mutex.lock().unwrap());
    assert!(woken.0.load(SeqCst), "who comes by meanwhile wakes the next");
    assert!(poll(second.as_mut()).is_ready());
}

#[test]
fn locks_that_are_given_up_at_random_leave_the_mutex_usable() {
    let mutex = Mutex::new(0);
    let taken = AtomicUsize::new(0);
    thread::scope(|scope| {
        for seed in 0..6_usize {
            let (mutex, taken) = (&mutex, &taken);
            scope.spawn(move || {
                for i in 0..2_000 {
                    let mut locking = Box::pin(mutex.lock_async());
                    let guard = match poll(locking.as_mut()) {
                        Poll::Ready(guard) => guard.unwrap(),
                        Poll::Pending if (i + seed) % 3 == 0 => continue,
                        Poll::Pending => fibra::wait(locking).unwrap(),
                    };
                    count(guard, taken);
                }
            });
        }
    });
    assert_eq!(mutex.into_inner().unwrap(), taken.into_inner());
}

fn count(mut guard: MutexGuard<'_, usize>, taken: &AtomicUsize) {
    *guard += 1;
    taken.fetch_add(1, SeqCst);
    thread::yield_now();
}

struct Flag(AtomicBool);

impl std::task::Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn a_panic_of_the_holder_poisons_and_the_data_stays_reachable() {
    let mut mutex = poisoned(7);
    assert!(mutex.is_poisoned());
    assert_eq!(*mutex.lock().unwrap_err().into_inner(), 7);
    match mutex.try_lock() {
        Err(TryLockError::Poisoned(error)) => assert_eq!(*error.into_inner(), 7),
        other => panic!("{other:?}"),
    }
    assert_eq!(fibra::wait(mutex.lock_async()).map(|guard| *guard).map_err(|e| *e.into_inner()), Err(7));
    assert_eq!(*mutex.get_mut().unwrap_err().into_inner(), 7);
    assert_eq!(mutex.into_inner().unwrap_err().into_inner(), 7);
}

#[test]
fn a_poisoned_mutex_excludes_as_before() {
    let mutex = poisoned(());
    let held = mutex.lock().unwrap_err().into_inner();
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    drop(held);
    assert!(matches!(mutex.try_lock(), Err(TryLockError::Poisoned(_))));
}

#[test]
fn clear_poison_forgets_the_panic() {
    let mutex = poisoned(1);
    mutex.clear_poison();
    assert!(!mutex.is_poisoned());
    assert_eq!(*mutex.lock().unwrap(), 1);
}

#[test]
fn those_who_wait_learn_of_the_panic_too() {
    let mutex = Mutex::new(());
    thread::scope(|scope| {
        let held = mutex.lock().unwrap();
        let waiter = scope.spawn(|| mutex.lock().is_err());
        let panicked = catch_unwind(AssertUnwindSafe(move || {
            let _held = held;
            thread::sleep(Duration::from_millis(5));
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn a_lock_taken_and_released_by_a_destructor_during_a_panic_does_not_poison() {
    struct LockOnDrop<'a>(&'a Mutex<u32>);
    impl Drop for LockOnDrop<'_> {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let mutex = Mutex::new(0);
    let panicked = catch_unwind(|| {
        let _last_words = LockOnDrop(&mutex);
        panic!("on purpose");
    });
    assert!(panicked.is_err());
    assert_eq!(*mutex.lock().unwrap(), 1);
}

#[test]
fn a_guard_may_be_dropped_on_another_thread() {
    let mutex = Mutex::new(1);
    let mut guard = mutex.lock().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || *guard += 1);
    });
    assert_eq!(*mutex.try_lock().unwrap(), 2);
}

#[test]
fn the_value_is_dropped_with_the_mutex_and_only_then() {
    let value = Arc::new(());
    let mutex = Mutex::new(Arc::clone(&value));
    drop(mutex.lock().unwrap());
    assert_eq!(Arc::strong_count(&value), 2);
    drop(mutex);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn unsized_values_can_be_locked() {
    let mutex: &Mutex<[i32]> = &Mutex::new([1, 2, 3]);
    mutex.lock().unwrap()[0] = 10;
    assert_eq!(*mutex.lock().unwrap(), [10, 2, 3]);
    fibra::wait(async { mutex.lock_async().await.unwrap()[1] = 20 });
    assert_eq!(*mutex.lock().unwrap(), [10, 20, 3]);
}

#[test]
fn debug_shows_the_value_unless_it_is_locked() {
    let mutex = Mutex::new(5);
    assert_eq!(format!("{mutex:?}"), "Mutex { data: 5, poisoned: false, .. }");
    let held = mutex.lock().unwrap();
    assert_eq!(format!("{mutex:?} {held:?} {held}"), "Mutex { data: <locked>, poisoned: false, .. } 5 5");
    drop(held);
    assert_eq!(format!("{:?}", poisoned(5)), "Mutex { data: 5, poisoned: true, .. }");
}

#[test]
fn it_is_made_from_a_value_or_a_default() {
    assert_eq!(Mutex::from(3).into_inner().unwrap(), 3);
    assert_eq!(Mutex::<String>::default().into_inner().unwrap(), "");
}
