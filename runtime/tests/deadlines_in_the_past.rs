//! A deadline that has passed before the wait begins: what is there is taken, and nothing is waited for.

use fibra::{
    cancel::Cancelled,
    net::{TcpListener, TcpStream},
    sync::{
        AcquireTimeoutError, CancellationToken, Condvar, Latch, Mutex, Notify, Semaphore, WaitGroup,
        broadcast, channel, mpsc, oneshot, watch,
    },
    thread,
    time::{self, Elapsed},
};
use std::{
    io::{ErrorKind, Read, Write},
    sync::Arc,
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(3600);

/// A moment that has been, on machines that have run for a second.
fn past() -> Instant {
    let now = Instant::now();
    now.checked_sub(Duration::from_secs(1)).unwrap_or(now)
}

#[fibra::test]
fn sleeps_return_at_once() {
    thread::sleep_until(past());
    thread::sleep(Duration::ZERO);
    thread::park_timeout(Duration::ZERO);
    fibra::wait(time::sleep_until(past()));
    let mut ticks = time::interval_at(past(), LONG);
    ticks.tick();
}

#[fibra::test]
fn a_closure_is_unwound_at_its_first_wait_and_a_future_dropped_after_its_first_poll() {
    assert_eq!(time::timeout(Duration::ZERO, thread::park), Err(Elapsed::default()));
    let pending = time::timeout_async(Duration::ZERO, std::future::pending::<()>());
    assert_eq!(fibra::wait(pending), Err(Elapsed::default()));
    assert_eq!(fibra::wait(time::timeout_async(Duration::ZERO, async { 7 })), Ok(7));
}

#[fibra::test]
fn an_operation_that_has_to_wait_fails_and_takes_nothing_from_the_next() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let accepted = time::timeout(Duration::ZERO, || listener.accept()).unwrap();
    let error = accepted.map(drop).unwrap_err();
    assert!(error.kind() == ErrorKind::TimedOut && Cancelled::caused(&error));

    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut buffer = [0; 4];
    let read = time::timeout(Duration::ZERO, || server.read(&mut buffer)).unwrap();
    assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
    client.write_all(b"kept").unwrap();
    server.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"kept");
}

/// The same on a green thread and on an OS thread.
fn everywhere(check: fn()) {
    check();
    fibra::unblock(|| std::thread::spawn(check).join().unwrap());
}

#[fibra::test]
fn channels_give_what_they_have_and_take_what_they_have_room_for() {
    everywhere(|| {
        let (sender, receiver) = channel::bounded(1);
        assert_eq!(receiver.recv_deadline(past()), Err(channel::RecvTimeoutError::Timeout));
        assert_eq!(sender.send_deadline(1, past()), Ok(()));
        assert_eq!(sender.send_deadline(2, past()), Err(channel::SendTimeoutError::Timeout(2)));
        assert_eq!(receiver.recv_deadline(past()), Ok(1));

        let (sender, receiver) = mpsc::sync_channel(1);
        assert_eq!(receiver.recv_deadline(past()), Err(mpsc::RecvTimeoutError::Timeout));
        sender.send(1).unwrap();
        assert_eq!(receiver.recv_deadline(past()), Ok(1));

        let (sender, mut receiver) = oneshot::channel();
        assert_eq!(receiver.recv_timeout(Duration::ZERO), Err(oneshot::RecvTimeoutError::Timeout));
        sender.send(1).unwrap();
        assert_eq!(receiver.recv_timeout(Duration::ZERO), Ok(1));

        let (sender, mut receiver) = broadcast::channel(1);
        assert_eq!(receiver.recv_timeout(Duration::ZERO), Err(broadcast::RecvTimeoutError::Timeout));
        sender.send(1).unwrap();
        assert_eq!(receiver.recv_timeout(Duration::ZERO), Ok(1));

        let (sender, mut receiver) = watch::channel(0);
        assert!(receiver.changed_timeout(Duration::ZERO).is_err());
        sender.send(1).unwrap();
        assert_eq!(receiver.changed_timeout(Duration::ZERO), Ok(()));
    });
}

#[fibra::test]
fn signals_are_seen_if_they_have_been_given() {
    everywhere(|| {
        let (mutex, changed) = (Mutex::new(()), Condvar::new());
        let (guard, waited) = changed.wait_timeout(mutex.lock().unwrap(), Duration::ZERO).unwrap();
        assert!(waited.timed_out());
        drop(guard);

        let notify = Notify::new();
        assert!(!notify.wait_timeout(Duration::ZERO));
        notify.notify_one();
        assert!(notify.wait_timeout(Duration::ZERO));

        let latch = Latch::new(1);
        assert!(!latch.wait_timeout(Duration::ZERO));
        latch.count_down();
        assert!(latch.wait_timeout(Duration::ZERO));

        let (all, one) = (WaitGroup::new(), WaitGroup::new());
        let other = all.clone();
        assert!(!all.wait_timeout(Duration::ZERO));
        drop(other);
        assert!(one.wait_timeout(Duration::ZERO));

        let token = CancellationToken::new();
        assert!(!token.wait_timeout(Duration::ZERO));
        token.cancel();
        assert!(token.wait_timeout(Duration::ZERO));

        let semaphore = Arc::new(Semaphore::new(1));
        let permit = semaphore.acquire_timeout(Duration::ZERO).unwrap();
        assert_eq!(semaphore.acquire_timeout(Duration::ZERO).unwrap_err(), AcquireTimeoutError::Timeout);
        drop(permit);
        assert!(semaphore.acquire_owned_timeout(Duration::ZERO).is_ok());
    });
}
