//! A channel delivers each message once and in order, and waits as it says.

use fibra::sync::mpsc::{
    Receiver, RecvError, RecvTimeoutError, SendError, SyncSender, TryRecvError, TrySendError, channel,
    sync_channel,
};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(5);

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

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

/// Sends, on its own thread, and tells when the send has returned.
fn send_elsewhere<T: Send + 'static>(
    sender: SyncSender<T>,
    message: T,
) -> (Arc<AtomicBool>, thread::JoinHandle<Result<(), SendError<T>>>) {
    let sent = Arc::new(AtomicBool::new(false));
    let thread = thread::spawn({
        let sent = Arc::clone(&sent);
        move || {
            let result = sender.send(message);
            sent.store(true, SeqCst);
            result
        }
    });
    (sent, thread)
}

// Order and completeness

#[test]
fn messages_arrive_in_the_order_of_sending() {
    let (sender, receiver) = channel();
    (0..1_000).for_each(|i| sender.send(i).unwrap());
    assert!((0..500).all(|i| receiver.recv() == Ok(i)));
    (1_000..2_000).for_each(|i| sender.send(i).unwrap());
    assert!((500..2_000).all(|i| receiver.try_recv() == Ok(i)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn all_messages_of_many_senders_arrive_each_sender_in_order() {
    check_order_of_each_sender(channel(), |sender, message| sender.send(message).unwrap());
    for bound in [0, 1, 64] {
        check_order_of_each_sender(sync_channel(bound), |sender, message| sender.send(message).unwrap());
    }
}

fn check_order_of_each_sender<S: Clone + Send + 'static>(
    (sender, receiver): (S, Receiver<(usize, usize)>),
    send: fn(&S, (usize, usize)),
) {
    const SENDERS: usize = 8;
    const EACH: usize = 2_000;
    let senders = vec![sender; SENDERS];
    let mut next = [0; SENDERS];
    thread::scope(|scope| {
        for (id, sender) in senders.into_iter().enumerate() {
            scope.spawn(move || (0..EACH).for_each(|i| send(&sender, (id, i))));
        }
        for (id, i) in &receiver {
            assert_eq!(i, next[id]);
            next[id] += 1;
        }
    });
    assert_eq!(next, [EACH; SENDERS]);
}

#[test]
fn a_receiver_and_a_sender_that_wait_for_each_other_in_turns_go_on() {
    let (ping, pings) = channel();
    let (pong, pongs) = sync_channel(1);
    let peer = thread::spawn(move || pings.into_iter().for_each(|i: u32| pong.send(i + 1).unwrap()));
    for i in 0..10_000 {
        ping.send(i).unwrap();
        assert_eq!(pongs.recv(), Ok(i + 1));
    }
    drop(ping);
    peer.join().unwrap();
}

#[test]
fn the_async_twins_wait_and_wake_as_the_direct_calls_do() {
    let (sender, mut receiver) = sync_channel(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            fibra::wait(async move {
                for i in 0..2_000 {
                    sender.send_async(i).await.unwrap();
                }
            });
        });
        fibra::wait(async {
            for i in 0..2_000 {
                assert_eq!(receiver.recv_async().await, Ok(i));
            }
            assert_eq!(receiver.recv_async().await, Err(RecvError));
        });
    });
}

#[test]
fn a_receiver_that_changed_hands_goes_on_where_it_was() {
    let (sender, receiver) = channel();
    (0..10).for_each(|i| sender.send(i).unwrap());
    assert_eq!(receiver.recv(), Ok(0));
    let receiver = thread::spawn(move || {
        assert_eq!(receiver.recv(), Ok(1));
        receiver
    })
    .join()
    .unwrap();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), (2..10).collect::<Vec<_>>());
}

// Bounds

#[test]
fn a_bounded_channel_holds_as_much_as_it_says_also_while_messages_go_through() {
    for bound in 1..5 {
        let (sender, receiver) = sync_channel(bound);
        for round in 0..10 {
            (0..bound).for_each(|i| sender.try_send(round + i).unwrap());
            assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
            assert_eq!(receiver.recv(), Ok(round));
            sender.try_send(9).unwrap();
            assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
            assert_eq!(receiver.try_iter().count(), bound);
        }
    }
}

#[test]
fn a_send_to_a_full_channel_waits_for_room() {
    let (sender, receiver) = sync_channel(1);
    sender.send(1).unwrap();
    let (sent, sending) = send_elsewhere(sender, 2);
    thread::sleep(SHORT);
    assert!(!sent.load(SeqCst));
    assert_eq!(receiver.recv(), Ok(1));
    sending.join().unwrap().unwrap();
    assert_eq!(receiver.recv(), Ok(2));
}

#[test]
fn room_goes_to_senders_in_order_and_nobody_overtakes_them() {
    let (sender, receiver) = sync_channel(1);
    sender.send(0).unwrap();
    let mut waiting: Vec<_> = (1..4)
        .map(|i| {
            let mut send = Box::pin(sender.send_async(i));
            assert!(poll(send.as_mut()).is_pending());
            send
        })
        .collect();
    assert_eq!(receiver.recv(), Ok(0));
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)), "the room is the first waiter's");
    assert!(poll(waiting[1].as_mut()).is_pending());
    assert_eq!(poll(waiting[0].as_mut()), Poll::Ready(Ok(())));
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(poll(waiting[2].as_mut()), Poll::Ready(Ok(())));
    assert_eq!(poll(waiting[1].as_mut()), Poll::Ready(Ok(())));
}

// Rendezvous

#[test]
fn a_rendezvous_send_waits_until_its_message_is_taken() {
    let (sender, receiver) = sync_channel(0);
    let (sent, sending) = send_elsewhere(sender, 1);
    thread::sleep(SHORT);
    assert!(!sent.load(SeqCst));
    assert_eq!(receiver.recv(), Ok(1));
    sending.join().unwrap().unwrap();
}

#[test]
fn try_send_to_a_rendezvous_succeeds_only_if_the_receiver_waits() {
    let (sender, mut receiver) = sync_channel(0);
    assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    let mut recv = Box::pin(receiver.recv_async());
    assert!(poll(recv.as_mut()).is_pending());
    sender.try_send(2).unwrap();
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)), "it waits for one message");
    assert_eq!(poll(recv.as_mut()), Poll::Ready(Ok(2)));
    drop(recv);
    assert_eq!(sender.try_send(4), Err(TrySendError::Full(4)));
}

#[test]
fn try_send_to_a_rendezvous_does_not_believe_in_a_receiver_that_gave_up() {
    let (sender, mut receiver) = sync_channel(0);
    let mut recv = Box::pin(receiver.recv_async());
    assert!(poll(recv.as_mut()).is_pending());
    drop(recv);
    assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    assert_eq!(receiver.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
    assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
}

#[test]
fn a_message_handed_to_a_rendezvous_receiver_that_gives_up_waits_for_the_next() {
    let (sender, mut receiver) = sync_channel(0);
    let mut recv = Box::pin(receiver.recv_async());
    assert!(poll(recv.as_mut()).is_pending());
    sender.try_send(1).unwrap();
    drop(recv);
    let mut second = Box::pin(sender.send_async(2));
    assert!(poll(second.as_mut()).is_pending());
    assert_eq!(receiver.recv(), Ok(1));
    assert!(poll(second.as_mut()).is_pending(), "the first was received, not the second");
    assert_eq!(receiver.recv(), Ok(2));
    assert_eq!(poll(second.as_mut()), Poll::Ready(Ok(())));
}

// Giving up

#[test]
fn a_receive_that_is_dropped_loses_no_message() {
    let (sender, mut receiver) = channel();
    for i in 0..100 {
        let mut recv = Box::pin(receiver.recv_async());
        assert!(poll(recv.as_mut()).is_pending());
        sender.send(i).unwrap();
        drop(recv);
        assert_eq!(receiver.try_recv(), Ok(i));
    }
}

#[test]
fn timed_receives_are_never_early_and_lose_no_message() {
    const MESSAGES: usize = 2_000;
    for bound in [0, 1, 8] {
        let (sender, receiver) = sync_channel(bound);
        thread::scope(|scope| {
            scope.spawn(move || (0..MESSAGES).for_each(|i| sender.send(i).unwrap()));
            let mut next = 0;
            loop {
                let (start, limit) = (Instant::now(), Duration::from_micros(next as u64 % 5 * 10));
                match receiver.recv_timeout(limit) {
                    Ok(message) => {
                        assert_eq!(message, next);
                        next += 1;
                    }
                    Err(RecvTimeoutError::Timeout) => assert!(start.elapsed() >= limit),
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            assert_eq!(next, MESSAGES);
        });
    }
}

#[test]
fn a_timeout_that_the_clock_cannot_express_is_none() {
    let (sender, receiver) = channel();
    let waiter = thread::spawn(move || receiver.recv_timeout(Duration::MAX));
    sender.send(1).unwrap();
    assert_eq!(waiter.join().unwrap(), Ok(1));
}

#[test]
fn a_send_that_is_dropped_before_it_got_in_sends_nothing() {
    let message = Arc::new(());
    let (sender, receiver) = sync_channel(0);
    drop(sender.send_async(Arc::clone(&message)));
    let mut given_up = Box::pin(sender.send_async(Arc::clone(&message)));
    assert!(poll(given_up.as_mut()).is_pending());
    drop(given_up);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(Arc::strong_count(&message), 1);
}

#[test]
fn sends_that_are_given_up_at_random_are_all_or_nothing() {
    let (sender, receiver) = sync_channel(1);
    let (sent, abandoned) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let received = thread::scope(|scope| {
        for _ in 0..4 {
            let (sender, sent, abandoned) = (sender.clone(), &sent, &abandoned);
            scope.spawn(move || {
                for i in 0..1_000 {
                    let mut send = Box::pin(sender.send_async(()));
                    match poll(send.as_mut()) {
                        Poll::Ready(result) => result.unwrap(),
                        Poll::Pending if i % 2 == 0 => {
                            abandoned.fetch_add(1, SeqCst);
                            continue;
                        }
                        Poll::Pending => fibra::wait(send).unwrap(),
                    }
                    sent.fetch_add(1, SeqCst);
                }
            });
        }
        drop(sender);
        receiver.iter().count()
    });
    let (sent, abandoned) = (sent.into_inner(), abandoned.into_inner());
    assert!(sent <= received && received <= sent + abandoned, "{sent} {received} {abandoned}");
    assert_eq!(sent + abandoned, 4_000);
}

#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    let ((early, early_waker), (late, late_waker)) = (counter(), counter());
    let (sender, mut receiver) = channel();
    let mut recv = Box::pin(receiver.recv_async());
    for waker in [&early_waker, &late_waker, &late_waker] {
        assert!(recv.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
    }
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert_eq!((early.0.load(SeqCst), late.0.load(SeqCst)), (0, 1));
    drop(recv);
    assert_eq!((Arc::strong_count(&early), Arc::strong_count(&late)), (2, 2));
}

#[test]
fn a_receiver_is_woken_only_while_it_waits_and_forgotten_when_it_goes() {
    let (wakes, waker) = counter();
    let mut context = Context::from_waker(&waker);
    let (sender, mut receiver) = sync_channel(2);
    let mut first = Box::pin(receiver.recv_async());
    assert!(first.as_mut().poll(&mut context).is_pending());
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert_eq!(wakes.0.load(SeqCst), 1);
    assert_eq!(first.as_mut().poll(&mut context), Poll::Ready(Ok(1)));
    drop(first);
    assert_eq!(receiver.try_recv(), Ok(2));
    // A wait that is given up.
    let mut second = Box::pin(receiver.recv_async());
    assert!(second.as_mut().poll(&mut context).is_pending());
    drop(second);
    sender.send(3).unwrap();
    assert_eq!((wakes.0.load(SeqCst), receiver.try_recv()), (1, Ok(3)));
    // One that is forgotten, and so never given up.
    let mut third = Box::pin(receiver.recv_async());
    assert!(third.as_mut().poll(&mut context).is_pending());
    std::mem::forget(third);
    drop((waker, receiver));
    assert_eq!(Arc::strong_count(&wakes), 1);
}

#[test]
fn a_receiver_counts_what_it_could_receive() {
    let (sender, receiver) = channel();
    assert!(receiver.is_empty());
    (0..5).for_each(|n| sender.send(n).unwrap());
    for left in (0..5).rev() {
        // After the first one they are the receiver's own.
        receiver.recv().unwrap();
        assert_eq!(receiver.len(), left);
        sender.send(9).unwrap();
        assert_eq!((receiver.len(), receiver.is_empty()), (left + 1, false));
        receiver.try_recv().unwrap();
    }
    assert!(receiver.is_empty());
}

#[test]
fn a_message_of_a_sender_that_waits_does_not_count_and_one_for_a_forgotten_receive_does() {
    let (sender, mut receiver) = sync_channel(1);
    sender.send(1).unwrap();
    let mut blocked = Box::pin(sender.send_async(2));
    assert!(poll(blocked.as_mut()).is_pending());
    assert_eq!(receiver.len(), 1);
    assert_eq!(receiver.recv(), Ok(1));
    assert_eq!(receiver.len(), 1);
    assert_eq!(receiver.recv(), Ok(2));
    let mut forgotten = std::mem::ManuallyDrop::new(Box::pin(receiver.recv_async()));
    assert!(poll(forgotten.as_mut()).is_pending());
    sender.send(3).unwrap();
    assert_eq!((receiver.len(), receiver.recv(), receiver.len()), (1, Ok(3), 0));
}
