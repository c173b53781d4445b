//! Models of the read-write lock: readers and a writer are never inside together, and whoever is dropped leaves nobody
//! behind.

use super::{super::RwLock, *};
use crate::sync::RwLockWriteGuard;

/// Notices a writer that is not alone.
struct Watched(UnsafeCell<usize>);

// SAFETY: what is checked here, by loom, is that the lock around it makes this true.
unsafe impl Send for Watched {}
// SAFETY: as above.
unsafe impl Sync for Watched {}

impl Watched {
    fn write(&mut self) {
        // SAFETY: loom checks that nobody else is in here, and fails the model otherwise.
        self.0.with_mut(|count| unsafe { *count += 1 });
    }

    fn read(&self) -> usize {
        // SAFETY: loom checks that nobody writes meanwhile, and fails the model otherwise.
        self.0.with(|count| unsafe { *count })
    }
}

type Lock = Arc<RwLock<Watched>>;

fn lock() -> Lock {
    Arc::new(RwLock::new(Watched(UnsafeCell::new(0))))
}

fn read(lock: &RwLock<Watched>) -> usize {
    block_on(lock.read_async()).unwrap().read()
}

fn write(lock: &RwLock<Watched>) {
    block_on(lock.write_async()).unwrap().write();
}

fn spawn(lock: &Lock, body: impl FnOnce(&RwLock<Watched>) + 'static) -> thread::JoinHandle<()> {
    let lock = Arc::clone(lock);
    thread::spawn(move || body(&lock))
}

#[test]
fn two_writers_and_a_reader_all_get_the_lock() {
    check(|| {
        let lock = lock();
        let others = [spawn(&lock, write), spawn(&lock, |lock| assert!(read(lock) <= 2))];
        write(&lock);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(lock.try_read().unwrap().read(), 2);
    });
}

#[test]
fn two_readers_and_a_writer_all_get_the_lock() {
    check(|| {
        let lock = lock();
        let others = [(); 2].map(|()| spawn(&lock, |lock| assert!(read(lock) <= 1)));
        write(&lock);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn a_reader_and_a_writer_get_the_lock_again_and_again() {
    check(|| {
        let lock = lock();
        let reader = spawn(&lock, |lock| (0..2).for_each(|_| assert!(read(lock) <= 2)));
        (0..2).for_each(|_| write(&lock));
        reader.join().unwrap();
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn a_writer_that_is_dropped_lets_in_the_readers_that_it_kept_out() {
    check(|| {
        let lock = lock();
        let held = lock.try_read().unwrap();
        let mut given_up = lock.write_async();
        assert!(poll_once(&mut given_up).is_pending());
        let reader = spawn(&lock, |lock| assert_eq!(read(lock), 0));
        drop(given_up);
        // The first reader is still there.
        reader.join().unwrap();
        drop(held);
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn a_lock_that_was_handed_to_a_writer_that_is_dropped_goes_to_the_next() {
    check(|| {
        let lock = lock();
        let held = lock.try_read().unwrap();
        let mut given_up = lock.write_async();
        assert!(poll_once(&mut given_up).is_pending());
        let others = [spawn(&lock, write), spawn(&lock, |lock| assert!(read(lock) <= 1))];
        drop(held);
        drop(given_up);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(lock.try_read().unwrap().read(), 1);
    });
}

#[test]
fn a_writer_that_was_woken_and_is_dropped_wakes_the_next() {
    check(|| {
        let lock = lock();
        let held = lock.try_write().unwrap();
        let mut given_up = lock.write_async();
        assert!(poll_once(&mut given_up).is_pending());
        let others = [spawn(&lock, write), spawn(&lock, |lock| assert!(read(lock) <= 1))];
        drop(held);
        drop(given_up);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn a_lock_that_was_handed_to_a_reader_that_is_dropped_goes_to_the_next() {
    check(|| {
        let lock = lock();
        let held = lock.try_write().unwrap();
        let mut given_up = lock.read_async();
        assert!(poll_once(&mut given_up).is_pending());
        let writer = spawn(&lock, write);
        drop(held);
        drop(given_up);
        writer.join().unwrap();
        assert_eq!(lock.try_read().unwrap().read(), 1);
    });
}

#[test]
fn a_writer_that_becomes_a_reader_lets_in_readers_and_then_writers() {
    check(|| {
        let lock = lock();
        let mut held = lock.try_write().unwrap();
        let others = [spawn(&lock, write), spawn(&lock, |lock| assert!((1..=2).contains(&read(lock))))];
        held.write();
        let held = RwLockWriteGuard::downgrade(held);
        assert_eq!(held.read(), 1);
        drop(held);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(lock.try_read().unwrap().read(), 2);
    });
}
