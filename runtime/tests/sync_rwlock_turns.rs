//! Readers and writers take turns, neither starve, and who gives up a wait leaves nobody behind.

use fibra::{
    sync::{RwLock, RwLockWriteGuard},
    thread, time,
};
use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

/// Longer than a writer loses races before it is handed the lock.
const OVERDUE: Duration = Duration::from_millis(2);

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a future that is expected to be ready.
fn ready<F: Future>(future: Pin<&mut F>) -> F::Output {
    match poll(future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it is not its turn"),
    }
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

/// Polls a future that is expected to wait; the flag says when it is woken.
fn waits<F: Future>(future: Pin<&mut F>) -> Arc<Flag> {
    let flag = Arc::<Flag>::default();
    assert!(future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(&flag)))).is_pending());
    flag
}

#[test]
fn readers_and_writers_take_turns() {
    let lock = RwLock::new(());
    let reading = lock.read().unwrap();
    let mut first_writer = Box::pin(lock.write_async());
    let told_writer = waits(first_writer.as_mut());
    assert!(lock.try_read().is_err(), "a reader that comes while a writer waits waits behind it");
    let (mut reader, mut other_reader) = (pin!(lock.read_async()), pin!(lock.read_async()));
    let told_readers = [waits(reader.as_mut()), waits(other_reader.as_mut())];
    let mut second_writer = pin!(lock.write_async());
    let told_second = waits(second_writer.as_mut());

    drop(reading);
    assert!(told_writer.0.load(SeqCst));
    assert!(lock.try_write().is_err(), "it is handed to the writer that has waited longest");
    let writing = ready(first_writer.as_mut()).unwrap();
    assert!(told_readers.iter().all(|told| !told.0.load(SeqCst)));

    drop(writing);
    assert!(told_readers.iter().all(|told| told.0.load(SeqCst)), "all readers that wait come in");
    assert!(!told_second.0.load(SeqCst), "the next writer comes after them");
    let mut third_reader = pin!(lock.read_async());
    waits(third_reader.as_mut());
    drop((ready(reader.as_mut()), ready(other_reader.as_mut())));
    assert!(told_second.0.load(SeqCst));
    drop(ready(second_writer.as_mut()));
    drop(ready(third_reader.as_mut()));
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_writer_that_gives_up_lets_in_the_readers_that_it_kept_out() {
    let lock = RwLock::new(());
    let reading = lock.read().unwrap();
    let mut writer = Box::pin(lock.write_async());
    waits(writer.as_mut());
    let mut reader = pin!(lock.read_async());
    let told = waits(reader.as_mut());
    drop(writer);
    assert!(told.0.load(SeqCst));
    let another = ready(reader.as_mut());
    assert!(lock.try_read().is_ok(), "nobody waits");
    drop((reading, another));
    assert!(lock.try_write().is_ok());
}

#[test]
fn one_of_two_writers_that_gives_up_leaves_the_readers_out() {
    let lock = RwLock::new(());
    let reading = lock.read().unwrap();
    let (mut one, mut other) = (Box::pin(lock.write_async()), Box::pin(lock.write_async()));
    waits(one.as_mut());
    let told = waits(other.as_mut());
    drop(one);
    assert!(lock.try_read().is_err());
    drop(reading);
    assert!(told.0.load(SeqCst));
    drop(ready(other.as_mut()));
}

#[test]
fn a_lock_that_was_handed_to_nobody_goes_to_the_next() {
    let lock = RwLock::new(());
    // A writer that was granted the lock, with readers behind it.
    let reading = lock.read().unwrap();
    let (mut writer, mut reader) = (Box::pin(lock.write_async()), Box::pin(lock.read_async()));
    waits(writer.as_mut());
    waits(reader.as_mut());
    drop(reading);
    drop(writer);
    drop(ready(reader.as_mut()));
    // Readers that were granted the lock, with a writer behind them.
    let writing = lock.write().unwrap();
    let (mut one, mut other) = (Box::pin(lock.read_async()), Box::pin(lock.read_async()));
    waits(one.as_mut());
    waits(other.as_mut());
    let mut writer = Box::pin(lock.write_async());
    let told = waits(writer.as_mut());
    drop(writing);
    drop(one);
    assert!(!told.0.load(SeqCst), "the other one has it");
    drop(other);
    assert!(told.0.load(SeqCst));
    drop(ready(writer.as_mut()));
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_writer_that_was_woken_and_gives_up_passes_its_turn_on() {
    let lock = RwLock::new(());
    let writing = lock.write().unwrap();
    let (mut one, mut other) = (Box::pin(lock.write_async()), Box::pin(lock.write_async()));
    waits(one.as_mut());
    let told = waits(other.as_mut());
    drop(writing);
    assert!(!told.0.load(SeqCst), "one at a time is woken");
    drop(one);
    assert!(told.0.load(SeqCst));
    drop(ready(other.as_mut()));
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_writer_that_was_woken_and_gives_up_while_others_have_the_lock_leaves_nobody_behind() {
    for reads in [false, true] {
        let lock = RwLock::new(());
        let writing = lock.write().unwrap();
        let (mut one, mut other) = (Box::pin(lock.write_async()), Box::pin(lock.write_async()));
        waits(one.as_mut());
        let told = waits(other.as_mut());
        drop(writing);
        // Both barge in: the one that was woken has not come yet.
        if reads {
            let reading = lock.try_read().unwrap();
            drop(one);
            assert!(lock.try_read().is_err(), "a writer waits");
            drop(reading);
        } else {
            let writing = lock.try_write().unwrap();
            drop(one);
            drop(writing);
        }
        assert!(told.0.load(SeqCst));
        drop(ready(other.as_mut()));
        assert!(lock.try_write().is_ok());
    }
}

#[test]
fn a_writer_that_has_waited_long_and_lost_is_handed_the_lock() {
    let lock = RwLock::new(());
    let writing = lock.write().unwrap();
    let mut waiter = pin!(lock.write_async());
    waits(waiter.as_mut());
    std::thread::sleep(OVERDUE);
    drop(writing);
    let barged = lock.try_write().expect("the lock is free, though a writer was woken for it");
    waits(waiter.as_mut());
    drop(barged);
    assert!(lock.try_write().is_err(), "handed over, not freed");
    drop(ready(waiter.as_mut()));
}

#[test]
fn neither_readers_nor_writers_starve() {
    let (lock, over) = (RwLock::new(()), AtomicBool::new(false));
    let hold = || {
        let start = Instant::now();
        while start.elapsed() < Duration::from_micros(200) {
            std::hint::spin_loop();
        }
    };
    for writers in [false, true] {
        over.store(false, SeqCst);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !over.load(SeqCst) {
                        if writers {
                            let _guard = lock.write().unwrap();
                            hold();
                        } else {
                            let _guard = lock.read().unwrap();
                            hold();
                        }
                    }
                });
            }
            // Ends if this thread gets the lock each time.
            for _ in 0..20 {
                if writers {
                    drop(lock.read().unwrap());
                } else {
                    drop(lock.write().unwrap());
                }
            }
            over.store(true, SeqCst);
        });
    }
}

#[test]
fn a_writer_becomes_a_reader_and_no_writer_comes_in_between() {
    let lock = RwLock::new(0);
    let mut writing = lock.write().unwrap();
    *writing = 1;
    let (mut reader, mut writer) = (pin!(lock.read_async()), pin!(lock.write_async()));
    let told_reader = waits(reader.as_mut());
    let told_writer = waits(writer.as_mut());
    let reading = RwLockWriteGuard::downgrade(writing);
    assert_eq!(*reading, 1);
    assert!(told_reader.0.load(SeqCst), "readers that wait come in");
    assert!(!told_writer.0.load(SeqCst));
    assert!(lock.try_read().is_err(), "a writer waits");
    drop((reading, ready(reader.as_mut())));
    assert!(told_writer.0.load(SeqCst));
    drop(ready(writer.as_mut()));

    let reading = RwLockWriteGuard::downgrade(lock.write().unwrap());
    assert!(lock.try_read().is_ok() && lock.try_write().is_err());
    drop(reading);
    assert!(lock.try_write().is_ok());
}

#[fibra::test]
fn waits_that_are_given_up_at_random_leave_the_lock_usable() {
    let (lock, written) = (RwLock::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for seed in 0..8_usize {
            let (lock, written) = (&lock, &written);
            scope.spawn(move || {
                for i in 0..2_000 {
                    let gives_up = (i + seed).is_multiple_of(3);
                    if (i * 7 + seed).is_multiple_of(4) {
                        let mut writing = Box::pin(lock.write_async());
                        let mut guard = match poll(writing.as_mut()) {
                            Poll::Ready(guard) => guard.unwrap(),
                            Poll::Pending if gives_up => continue,
                            Poll::Pending => fibra::wait(writing).unwrap(),
                        };
                        *guard += 1;
                        written.fetch_add(1, SeqCst);
                        thread::yield_now();
                    } else {
                        let mut reading = Box::pin(lock.read_async());
                        let _guard = match poll(reading.as_mut()) {
                            Poll::Ready(guard) => guard.unwrap(),
                            Poll::Pending if gives_up => continue,
                            Poll::Pending => fibra::wait(reading).unwrap(),
                        };
                        thread::yield_now();
                    }
                }
            });
        }
    });
    assert!(lock.try_write().is_ok());
    assert_eq!(lock.into_inner().unwrap(), written.into_inner());
}

#[fibra::test]
fn a_future_whose_time_is_up_leaves_the_queue() {
    let lock = RwLock::new(0);
    let reading = lock.read().unwrap();
    let late = fibra::wait(time::timeout_async(Duration::from_millis(1), lock.write_async()));
    assert!(late.is_err());
    assert!(lock.try_read().is_ok(), "no writer waits any more");
    drop(reading);
    let writing = lock.write().unwrap();
    assert!(fibra::wait(time::timeout_async(Duration::from_millis(1), lock.read_async())).is_err());
    drop(writing);
    assert!(lock.try_write().is_ok());
}
