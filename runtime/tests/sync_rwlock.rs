//! A read-write lock lets many readers in or one writer, and tells of panics of writers.

use fibra::{
    cancel::Cancelled,
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, oneshot},
    thread, time,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, TryLockError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const LONG: Duration = Duration::from_secs(3600);

/// Lets everybody else on this worker run until they wait.
fn let_others_wait() {
    for _ in 0..3 {
        thread::yield_now();
    }
}

fn poisoned<T>(value: T) -> RwLock<T> {
    let lock = RwLock::new(value);
    let panicked = catch_unwind(|| {
        let _guard = lock.write().unwrap();
        panic!("on purpose");
    });
    assert!(panicked.is_err());
    lock
}

/// Notices a writer that is not alone.
#[derive(Default)]
struct Inside {
    readers: AtomicUsize,
    writers: AtomicUsize,
}

impl Inside {
    fn read(&self, guard: RwLockReadGuard<'_, usize>) {
        self.readers.fetch_add(1, SeqCst);
        assert_eq!(self.writers.load(SeqCst), 0);
        let seen = *guard;
        std::thread::yield_now();
        assert_eq!(*guard, seen);
        self.readers.fetch_sub(1, SeqCst);
    }

    fn write(&self, mut guard: RwLockWriteGuard<'_, usize>) {
        assert_eq!(self.writers.fetch_add(1, SeqCst), 0);
        assert_eq!(self.readers.load(SeqCst), 0);
        *guard += 1;
        if guard.is_multiple_of(16) {
            std::thread::yield_now();
        }
        self.writers.fetch_sub(1, SeqCst);
    }
}

#[fibra::test]
fn a_writer_is_alone_among_green_threads_futures_and_os_threads() {
    let shared = Arc::new((RwLock::new(0), Inside::default()));
    let direct = |shared: &(RwLock<usize>, Inside), i: usize| match i % 4 {
        0 => shared.1.write(shared.0.write().unwrap()),
        _ => shared.1.read(shared.0.read().unwrap()),
    };
    let green: Vec<_> = (0..6)
        .map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                for i in 0..400 {
                    direct(&shared, i);
                    if i % 8 == 0 {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    let futures: Vec<_> = (0..6)
        .map(|_| {
            let shared = Arc::clone(&shared);
            fibra::future::spawn(async move {
                for i in 0..400 {
                    match i % 4 {
                        0 => shared.1.write(shared.0.write_async().await.unwrap()),
                        _ => shared.1.read(shared.0.read_async().await.unwrap()),
                    }
                }
            })
        })
        .collect();
    let os: Vec<_> = (0..2)
        .map(|_| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || (0..400).for_each(|i| direct(&shared, i)))
        })
        .collect();
    green.into_iter().for_each(|thread| thread.join().unwrap());
    futures.into_iter().for_each(|future| fibra::wait(future).unwrap());
    fibra::unblock(|| os.into_iter().for_each(|thread| thread.join().unwrap()));
    assert_eq!(*shared.0.read().unwrap(), 14 * 100);
}

#[fibra::test(workers = 1)]
fn who_waits_leaves_its_worker_to_the_holder() {
    let lock = RwLock::new(0);
    thread::scope(|scope| {
        let mut writing = lock.write().unwrap();
        scope.spawn(|| assert_eq!(*lock.read().unwrap(), 1));
        let_others_wait();
        *writing = 1;
        drop(writing);
        let reading = lock.read().unwrap();
        scope.spawn(|| *lock.write().unwrap() = 2);
        let_others_wait();
        assert_eq!(*reading, 1);
    });
    assert_eq!(lock.into_inner().unwrap(), 2);
}

#[fibra::test]
fn readers_are_inside_at_the_same_time() {
    let (lock, arrived) = (Arc::new(RwLock::new(())), Arc::new(AtomicUsize::new(0)));
    let readers: Vec<_> = (0..20)
        .map(|_| {
            let (lock, arrived) = (Arc::clone(&lock), Arc::clone(&arrived));
            thread::spawn(move || {
                let _reading = lock.read().unwrap();
                arrived.fetch_add(1, SeqCst);
                while arrived.load(SeqCst) < 20 {
                    thread::yield_now();
                }
            })
        })
        .collect();
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}

#[test]
fn try_read_and_try_write_never_wait() {
    let lock = RwLock::new(1);
    let reading = lock.try_read().unwrap();
    let another = lock.try_read().unwrap();
    assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
    drop((reading, another));
    let writing = lock.try_write().unwrap();
    assert!(matches!(lock.try_read(), Err(TryLockError::WouldBlock)));
    assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
    drop(writing);
    assert_eq!(*lock.try_read().unwrap(), 1);
}

#[fibra::test(workers = 1)]
fn read_and_write_are_no_cancellation_points_and_what_follows_is() {
    let lock = Arc::new(RwLock::new(0));
    for writes in [false, true] {
        let held = lock.write().unwrap();
        let passed = Arc::new(AtomicBool::new(false));
        let (start, started) = oneshot::channel();
        let waiter = thread::spawn({
            let (lock, passed) = (Arc::clone(&lock), Arc::clone(&passed));
            move || {
                start.send(()).unwrap();
                if writes {
                    drop(lock.write().unwrap())
                } else {
                    drop(lock.read().unwrap())
                }
                passed.store(true, SeqCst);
                thread::sleep(LONG);
            }
        });
        started.recv().unwrap();
        let_others_wait();
        waiter.cancel();
        let_others_wait();
        assert!(!waiter.is_finished());
        drop(held);
        assert!(waiter.join().unwrap_err().is::<Cancelled>());
        assert!(passed.load(SeqCst));
        assert!(!lock.is_poisoned());
    }
}

#[fibra::test(workers = 1)]
fn a_deadline_ends_no_wait_for_the_lock() {
    let lock = Arc::new(RwLock::new(0));
    let held = lock.write().unwrap();
    let waiters = [false, true].map(|writes| {
        let lock = Arc::clone(&lock);
        thread::spawn(move || {
            time::timeout(Duration::from_millis(1), || match writes {
                true => drop(lock.write().unwrap()),
                false => drop(lock.read().unwrap()),
            })
        })
    });
    thread::sleep(Duration::from_millis(5));
    assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
    drop(held);
    waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join().unwrap(), Ok(())));
}

#[test]
fn a_panic_of_a_writer_poisons_and_the_data_stays_reachable() {
    let mut lock = poisoned(7);
    assert!(lock.is_poisoned());
    assert_eq!(*lock.read().unwrap_err().into_inner(), 7);
    assert_eq!(*lock.write().unwrap_err().into_inner(), 7);
    assert!(matches!(lock.try_read(), Err(TryLockError::Poisoned(error)) if **error.get_ref() == 7));
    assert!(matches!(lock.try_write(), Err(TryLockError::Poisoned(error)) if **error.get_ref() == 7));
    assert!(fibra::wait(lock.read_async()).is_err());
    assert!(fibra::wait(lock.write_async()).is_err());
    assert_eq!(*lock.get_mut().unwrap_err().into_inner(), 7);
    lock.clear_poison();
    assert!(!lock.is_poisoned());
    assert_eq!(*lock.read().unwrap(), 7);
    assert_eq!(poisoned(8).into_inner().unwrap_err().into_inner(), 8);
}

#[test]
fn a_panic_of_a_reader_poisons_nothing_nor_does_one_that_began_before() {
    struct WriteOnDrop<'a>(&'a RwLock<u32>);
    impl Drop for WriteOnDrop<'_> {
        fn drop(&mut self) {
            *self.0.write().unwrap() += 1;
        }
    }
    let lock = RwLock::new(0);
    let panicked = catch_unwind(|| {
        let _last_words = WriteOnDrop(&lock);
        let _reading = lock.read().unwrap();
        panic!("on purpose");
    });
    assert!(panicked.is_err());
    assert_eq!(*lock.read().unwrap(), 1);
}

#[test]
fn a_writer_that_becomes_a_reader_during_its_panic_poisons() {
    struct DowngradeOnDrop<'a>(Option<RwLockWriteGuard<'a, u32>>);
    impl Drop for DowngradeOnDrop<'_> {
        fn drop(&mut self) {
            self.0.take().map(RwLockWriteGuard::downgrade);
        }
    }
    let lock = RwLock::new(0);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _downgrade = DowngradeOnDrop(Some(lock.write().unwrap()));
        panic!("half way");
    }));
    assert!(panicked.is_err());
    assert!(lock.is_poisoned());
}

#[fibra::test(workers = 1)]
fn a_panic_in_a_green_thread_poisons_what_it_writes_and_those_who_wait_learn_of_it() {
    let (written, read) = (RwLock::new(()), RwLock::new(()));
    let (lock, locked) = oneshot::channel();
    thread::scope(|scope| {
        let panics = scope.spawn(|| {
            let _guards = (written.write().unwrap(), read.read().unwrap());
            lock.send(()).unwrap();
            let_others_wait();
            panic!("on purpose");
        });
        locked.recv().unwrap();
        let waits = scope.spawn(|| written.read().is_err());
        assert!(panics.join().is_err());
        assert!(waits.join().unwrap());
    });
    assert!(written.is_poisoned() && !read.is_poisoned());
}

#[test]
fn guards_may_be_dropped_on_another_thread() {
    let lock = RwLock::new(1);
    let mut writing = lock.write().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || *writing += 1);
    });
    let reading = lock.read().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || assert_eq!(*reading, 2));
    });
    assert!(lock.try_write().is_ok());
}

#[test]
fn it_is_made_shown_and_taken_apart_as_std_does() {
    let lock = RwLock::from(5);
    assert_eq!(format!("{lock:?}"), "RwLock { data: 5, poisoned: false, .. }");
    let reading = lock.read().unwrap();
    assert_eq!(format!("{lock:?} {reading:?} {reading}"), "RwLock { data: 5, poisoned: false, .. } 5 5");
    drop(reading);
    let writing = lock.write().unwrap();
    assert_eq!(
        format!("{lock:?} {writing:?} {writing}"),
        "RwLock { data: <locked>, poisoned: false, .. } 5 5"
    );
    drop(writing);
    assert_eq!(format!("{:?}", poisoned(5)), "RwLock { data: 5, poisoned: true, .. }");
    assert_eq!(lock.into_inner().unwrap(), 5);
    assert_eq!(RwLock::<String>::default().into_inner().unwrap(), "");
    let unsized_lock: &RwLock<[i32]> = &RwLock::new([1, 2, 3]);
    unsized_lock.write().unwrap()[0] = 10;
    fibra::wait(async { unsized_lock.write_async().await.unwrap()[1] = 20 });
    assert_eq!(*unsized_lock.read().unwrap(), [10, 20, 3]);
}
