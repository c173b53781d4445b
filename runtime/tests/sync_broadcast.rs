//! A broadcast gives each message to each receiver, and tells those that lag what they have missed.

use fibra::{
    cancel::Cancelled,
    future,
    sync::broadcast::{self, RecvError, RecvTimeoutError, SendError, TryRecvError, channel},
    thread,
    time::{timeout, timeout_async},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Waker},
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(5);

fn let_others_wait() {
    for _ in 0..3 {
        thread::yield_now();
    }
}

fn was_cancelled<T>(joined: thread::Result<T>) -> bool {
    joined.is_err_and(|payload| payload.is::<Cancelled>())
}

#[fibra::test]
fn each_receiver_of_every_kind_gets_each_message_in_order_and_then_the_end() {
    const MESSAGES: usize = 1_000;
    let (sender, receiver) = channel(MESSAGES);
    let expected: Vec<_> = (0..MESSAGES).collect();
    let green: Vec<_> = (0..3)
        .map(|_| {
            let mut receiver = sender.subscribe();
            thread::spawn(move || {
                let messages: Vec<_> = std::iter::from_fn(|| receiver.recv().ok()).collect();
                (messages, receiver.recv())
            })
        })
        .collect();
    let mut of_task = sender.subscribe();
    let task = future::spawn(async move {
        let mut messages = Vec::new();
        while let Ok(message) = of_task.recv_async().await {
            messages.push(message);
        }
        messages
    });
    let mut of_os = receiver;
    let os = std::thread::spawn(move || std::iter::from_fn(|| of_os.recv().ok()).collect::<Vec<_>>());
    for i in 0..MESSAGES {
        assert_eq!(sender.send(i), Ok(5));
        if i % 100 == 0 {
            thread::yield_now();
        }
    }
    drop(sender);
    for thread in green {
        assert_eq!(thread.join().unwrap(), (expected.clone(), Err(RecvError::Closed)));
    }
    assert_eq!(fibra::wait(task).unwrap(), expected);
    assert_eq!(fibra::unblock(|| os.join().unwrap()), expected);
}

#[fibra::test]
fn a_message_ends_the_wait_of_every_kind_of_receiver() {
    let (sender, receiver) = channel(4);
    let mut of_green = receiver.resubscribe();
    let green = thread::spawn(move || (of_green.recv(), of_green.recv_timeout(Duration::MAX)));
    let mut of_task = receiver.resubscribe();
    let task = future::spawn(async move { (of_task.recv_async().await, of_task.recv_async().await) });
    let mut of_os = receiver;
    let os = std::thread::spawn(move || (of_os.recv(), of_os.recv()));
    for message in [1, 2] {
        thread::sleep(SHORT);
        assert_eq!(sender.send(message), Ok(3));
    }
    assert_eq!(green.join().unwrap(), (Ok(1), Ok(2)));
    assert_eq!(fibra::wait(task).unwrap(), (Ok(1), Ok(2)));
    assert_eq!(fibra::unblock(|| os.join().unwrap()), (Ok(1), Ok(2)));
}

#[test]
fn a_receiver_gets_what_is_sent_after_it_was_made() {
    let (sender, mut first) = channel(4);
    sender.send(1).unwrap();
    let (mut second, mut third) = (sender.subscribe(), first.resubscribe());
    assert_eq!((first.len(), second.len()), (1, 0));
    sender.clone().send(2).unwrap();
    assert_eq!((first.recv(), first.recv()), (Ok(1), Ok(2)));
    assert_eq!((second.recv(), third.recv()), (Ok(2), Ok(2)));
    assert_eq!(first.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(sender.receiver_count(), 3);
}

#[test]
fn who_lags_is_told_once_by_how_much_and_goes_on_with_the_oldest() {
    let (sender, mut slow) = channel(3);
    let mut quick = sender.subscribe();
    for i in 0..5 {
        sender.send(i).unwrap();
        assert_eq!(quick.recv(), Ok(i));
    }
    assert_eq!((sender.len(), slow.len(), slow.is_empty()), (3, 3, false));
    assert_eq!(slow.try_recv(), Err(TryRecvError::Lagged(2)));
    assert_eq!(slow.recv(), Ok(2));
    sender.send(5).unwrap();
    sender.send(6).unwrap();
    assert_eq!(slow.recv(), Err(RecvError::Lagged(1)));
    drop(sender);
    assert_eq!([slow.recv(), slow.recv(), slow.recv()], [Ok(4), Ok(5), Ok(6)]);
    assert_eq!(slow.recv(), Err(RecvError::Closed));

    let (sender, mut receiver) = channel(1);
    (0..3).for_each(|i| assert_eq!(sender.send(i), Ok(1)));
    assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Lagged(2)));
    assert_eq!(receiver.recv_timeout(SHORT), Ok(2));
}

#[test]
fn a_message_is_dropped_when_nobody_can_receive_it_any_more() {
    let message = Arc::new(());
    let (sender, mut first) = channel(4);
    let second = sender.subscribe();
    (0..3).for_each(|_| assert_eq!(sender.send(Arc::clone(&message)), Ok(2)));
    assert_eq!(Arc::strong_count(&message), 4);
    drop(first.recv());
    assert_eq!((Arc::strong_count(&message), sender.len()), (4, 3), "the other one has it still to come");
    drop(second);
    assert_eq!((Arc::strong_count(&message), sender.len()), (3, 2));
    let received = first.recv().unwrap();
    assert_eq!((Arc::strong_count(&message), sender.len()), (3, 1), "the last one gets the message itself");
    drop((received, first));
    assert_eq!((Arc::strong_count(&message), sender.is_empty()), (1, true));
}

#[test]
fn a_receiver_that_has_lagged_and_one_that_has_read_may_go_in_any_order() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let message = Arc::new(());
        let (sender, receiver) = channel(2);
        let (mut quick, mut middle) = (sender.subscribe(), sender.subscribe());
        for i in 0..5 {
            sender.send(Arc::clone(&message)).unwrap();
            quick.recv().unwrap();
            if i == 3 {
                assert!(middle.recv().is_err());
                middle.recv().unwrap();
            }
        }
        let mut receivers = [Some(receiver), Some(middle), Some(quick)];
        for (left, i) in order.into_iter().enumerate() {
            receivers[i] = None;
            assert_eq!(sender.receiver_count(), 2 - left);
        }
        assert_eq!((Arc::strong_count(&message), sender.len()), (1, 0));
        let mut late = sender.subscribe();
        sender.send(Arc::clone(&message)).unwrap();
        late.recv().unwrap();
    }
}

#[test]
fn without_a_receiver_the_message_comes_back() {
    let (sender, receiver) = channel(1);
    drop(receiver);
    assert_eq!(sender.send("back"), Err(SendError("back")));
    let mut late = sender.subscribe();
    assert_eq!(sender.send("sent"), Ok(1));
    assert_eq!(late.recv(), Ok("sent"));
    assert!(catch_unwind(AssertUnwindSafe(|| channel::<u8>(0))).is_err());
}

#[test]
fn a_timed_receive_is_never_early() {
    let (sender, mut receiver) = channel(1);
    let start = Instant::now();
    assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    assert!(start.elapsed() >= SHORT);
    sender.send(1).unwrap();
    assert_eq!(receiver.recv_timeout(Duration::MAX), Ok(1));
    drop(sender);
    assert_eq!(receiver.recv_timeout(Duration::MAX), Err(RecvTimeoutError::Closed));
}

#[fibra::test(workers = 1)]
fn a_receive_that_is_given_up_leaves_its_message_to_the_next() {
    let (sender, mut receiver) = channel(4);
    let mut dropped = receiver.recv_async();
    let mut context = Context::from_waker(Waker::noop());
    assert!(std::pin::Pin::new(&mut dropped).poll(&mut context).is_pending());
    sender.send(1).unwrap();
    drop(dropped);
    assert_eq!(receiver.recv(), Ok(1));
    assert!(timeout(SHORT, || receiver.recv()).is_err());
    assert!(fibra::wait(timeout_async(SHORT, receiver.recv_async())).is_err());
    let shared = Arc::new(fibra::sync::Mutex::new(receiver));
    let receiving = thread::spawn({
        let shared = Arc::clone(&shared);
        move || shared.lock().unwrap().recv()
    });
    let_others_wait();
    sender.send(2).unwrap();
    receiving.cancel();
    match receiving.join() {
        Ok(message) => assert_eq!(message, Ok(2)),
        cancelled => {
            assert!(was_cancelled(cancelled));
            shared.clear_poison();
            assert_eq!(shared.lock().unwrap().try_recv(), Ok(2));
        }
    }
}

#[fibra::test]
fn the_last_sender_to_go_ends_all_waits() {
    let (sender, receiver) = channel::<u8>(1);
    let green: Vec<_> = (0..3)
        .map(|_| {
            let mut receiver = receiver.resubscribe();
            thread::spawn(move || receiver.recv())
        })
        .collect();
    let mut of_task = receiver.resubscribe();
    let task = future::spawn(async move { of_task.recv_async().await });
    thread::sleep(SHORT);
    let other = sender.clone();
    drop(sender);
    assert!(!receiver.is_closed());
    drop(other);
    assert!(receiver.is_closed());
    for thread in green {
        assert_eq!(thread.join().unwrap(), Err(RecvError::Closed));
    }
    assert_eq!(fibra::wait(task).unwrap(), Err(RecvError::Closed));
}

#[fibra::test]
fn closed_returns_when_the_last_receiver_is_gone() {
    let (sender, receiver) = channel::<u8>(1);
    let waiter = thread::spawn({
        let sender = sender.clone();
        move || sender.closed()
    });
    let task = future::spawn({
        let sender = sender.clone();
        async move { sender.closed_async().await }
    });
    let other = receiver.resubscribe();
    drop(receiver);
    thread::sleep(SHORT);
    assert!(!waiter.is_finished());
    drop(other);
    waiter.join().unwrap();
    fibra::wait(task).unwrap();
    sender.closed();
}

#[fibra::test]
fn receivers_that_come_go_and_lag_see_no_message_twice_or_out_of_order() {
    let (sender, receiver) = channel(8);
    drop(receiver);
    let (done, most) = (Arc::new(AtomicUsize::new(0)), 5_000);
    let receivers: Vec<_> = (0..8)
        .map(|i| {
            let (mut receiver, done) = (sender.subscribe(), Arc::clone(&done));
            thread::spawn(move || {
                let (mut next, mut received) = (0, 0);
                loop {
                    match receiver.recv() {
                        Ok(message) => {
                            assert_eq!(message, next);
                            next += 1;
                            received += 1;
                        }
                        Err(RecvError::Lagged(missed)) => next += missed,
                        Err(_) => break,
                    }
                    if i % 2 == 0 && received == 100 {
                        break;
                    }
                    if i % 3 == 0 {
                        thread::yield_now();
                    }
                }
                assert!(i % 2 == 0 || next == most);
                done.fetch_add(1, SeqCst);
            })
        })
        .collect();
    // Those that count to 100 may all be gone; the others stay.
    fibra::unblock(|| (0..most).for_each(|i| assert!(sender.send(i).unwrap() >= 4)));
    assert!(sender.len() <= 8);
    drop(sender);
    receivers.into_iter().for_each(|receiver| receiver.join().unwrap());
    assert_eq!(done.load(SeqCst), 8);
}

#[test]
fn a_clone_that_panics_breaks_nothing() {
    #[derive(Debug)]
    struct Unclonable(bool);
    impl Clone for Unclonable {
        fn clone(&self) -> Self {
            if self.0 {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
            Self(false)
        }
    }
    let (sender, mut receiver) = channel(2);
    let mut other = sender.subscribe();
    sender.send(Unclonable(true)).unwrap();
    sender.send(Unclonable(false)).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| receiver.recv())).is_err());
    assert!(!receiver.recv().unwrap().0);
    assert!(other.recv().unwrap().0, "the last one needs no clone");
    assert!(!other.recv().unwrap().0);
}

#[test]
fn errors_say_what_has_happened() {
    assert_eq!(
        broadcast::RecvError::Lagged(3).to_string(),
        "the receiver lagged too far behind and missed 3 messages",
    );
    assert_eq!(TryRecvError::Closed.to_string(), RecvError::Closed.to_string());
    assert_eq!(RecvTimeoutError::Timeout.to_string(), "no message came in time");
}
