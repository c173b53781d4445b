//! A oneshot delivers its value once, and tells each end when the other is gone.

use fibra::sync::oneshot::{self, RecvError, RecvTimeoutError, TryRecvError};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn counter() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count(AtomicUsize::new(0)));
    (Arc::clone(&count), Waker::from(count))
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

#[test]
fn a_value_sent_before_is_received() {
    let (sender, receiver) = oneshot::channel();
    sender.send(Box::new(1)).unwrap();
    assert_eq!(receiver.recv(), Ok(Box::new(1)));
    let (sender, receiver) = oneshot::channel();
    sender.send(2).unwrap();
    assert_eq!(fibra::wait(receiver), Ok(2));
}

#[test]
fn a_receiver_waits_for_the_value() {
    for _ in 0..500 {
        let (sender, receiver) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        let peer = thread::spawn(move || reply.send(receiver.recv().unwrap() + 1).unwrap());
        sender.send(1).unwrap();
        assert_eq!(fibra::wait(answer), Ok(2));
        peer.join().unwrap();
    }
}

#[test]
fn a_sender_that_is_dropped_ends_every_kind_of_wait() {
    let (sender, receiver) = oneshot::channel::<u8>();
    let waiter = thread::spawn(|| receiver.recv());
    drop(sender);
    assert_eq!(waiter.join().unwrap(), Err(RecvError));

    let (sender, mut receiver) = oneshot::channel::<u8>();
    let (woken, waker) = counter();
    assert!(poll(&mut receiver, &waker).is_pending());
    drop(sender);
    assert_eq!(woken.0.load(SeqCst), 1);
    assert_eq!(poll(&mut receiver, &waker), Poll::Ready(Err(RecvError)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(receiver.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn a_sender_without_a_receiver_gets_its_value_back() {
    let (sender, receiver) = oneshot::channel();
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.send(String::from("back")), Err(String::from("back")));
}

#[test]
fn a_value_that_is_not_received_is_dropped_once() {
    let value = Arc::new(());
    let (sender, receiver) = oneshot::channel();
    sender.send(Arc::clone(&value)).unwrap();
    assert_eq!(Arc::strong_count(&value), 2);
    drop(receiver);
    assert_eq!(Arc::strong_count(&value), 1);

    let (sender, receiver) = oneshot::channel();
    drop(receiver);
    drop(sender.send(Arc::clone(&value)));
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn a_value_is_received_once() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).unwrap();
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(receiver.recv(), Err(RecvError));
}

#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    let (sender, mut receiver) = oneshot::channel();
    let ((early, early_waker), (late, late_waker)) = (counter(), counter());
    assert!(poll(&mut receiver, &early_waker).is_pending());
    assert!(poll(&mut receiver, &late_waker).is_pending());
    assert!(poll(&mut receiver, &late_waker).is_pending());
    sender.send(1).unwrap();
    assert_eq!((early.0.load(SeqCst), late.0.load(SeqCst)), (0, 1));
    assert_eq!(poll(&mut receiver, &late_waker), Poll::Ready(Ok(1)));
}

#[test]
fn no_waker_outlives_its_end() {
    let (woken, waker) = counter();
    let (mut sender, mut receiver) = oneshot::channel::<u8>();
    assert!(poll(&mut receiver, &waker).is_pending());
    let mut closed = Box::pin(sender.closed_async());
    assert!(closed.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(Arc::strong_count(&woken), 4);
    drop(closed);
    assert_eq!(Arc::strong_count(&woken), 3);
    drop(receiver);
    assert_eq!(Arc::strong_count(&woken), 2);
    assert_eq!(woken.0.load(SeqCst), 0);
}

#[test]
fn a_timed_receive_is_never_early_and_can_be_repeated() {
    let (sender, mut receiver) = oneshot::channel();
    let (start, limit) = (Instant::now(), Duration::from_millis(5));
    assert_eq!(receiver.recv_timeout(limit), Err(RecvTimeoutError::Timeout));
    assert!(start.elapsed() >= limit);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    sender.send(1).unwrap();
    assert_eq!(receiver.recv_timeout(Duration::ZERO), Ok(1));
}

#[test]
fn a_timeout_that_the_clock_cannot_express_is_none() {
    let (sender, mut receiver) = oneshot::channel();
    let waiter = thread::spawn(move || receiver.recv_timeout(Duration::MAX));
    sender.send(1).unwrap();
    assert_eq!(waiter.join().unwrap(), Ok(1));
}

#[test]
fn closed_returns_when_the_receiver_is_gone() {
    let (mut sender, receiver) = oneshot::channel::<u8>();
    let waiter = thread::spawn(move || {
        sender.closed();
        assert!(sender.is_closed());
    });
    drop(receiver);
    waiter.join().unwrap();

    let (mut sender, receiver) = oneshot::channel::<u8>();
    let (woken, waker) = counter();
    let mut closed = Box::pin(sender.closed_async());
    assert!(closed.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(receiver);
    assert_eq!(woken.0.load(SeqCst), 1);
    assert!(closed.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
}

#[test]
fn values_and_ends_that_meet_in_the_middle_are_dropped_once() {
    for i in 0..2_000 {
        let value = Arc::new(());
        let (sender, receiver) = oneshot::channel();
        let sent = Arc::clone(&value);
        let sending = thread::spawn(move || drop(sender.send(sent)));
        if i % 2 == 0 {
            drop(receiver);
        } else {
            let mut receiver = receiver;
            drop(receiver.recv_timeout(Duration::from_micros(i % 50)));
        }
        sending.join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
