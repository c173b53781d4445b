//! A channel of many receivers tells of its end in every order of ends, and drops what nobody receives.

use fibra::{
    future,
    sync::channel::{
        Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
        TrySendError, bounded, unbounded,
    },
    thread,
};
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

const SHORT: Duration = Duration::from_millis(5);

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn channels<T>() -> [(Sender<T>, Receiver<T>); 3] {
    [unbounded(), bounded(2), bounded(0)]
}

#[test]
fn what_was_sent_before_the_senders_went_is_received() {
    for (sender, receiver) in [unbounded(), bounded(1)] {
        sender.send(1).unwrap();
        assert!(!receiver.is_closed());
        drop(sender.clone());
        assert_eq!(receiver.len(), 1);
        drop(sender);
        assert!(receiver.is_closed());
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(receiver.recv(), Err(RecvError));
        assert_eq!(receiver.clone().try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Disconnected));
        assert_eq!(fibra::wait(receiver.recv_async()), Err(RecvError));
        assert_eq!(receiver.into_iter().next(), None);
    }
}

#[test]
fn senders_get_their_message_back_once_the_last_receiver_is_gone() {
    for (sender, receiver) in channels() {
        let other = receiver.clone();
        drop(receiver);
        assert!(!sender.is_closed());
        drop(other);
        assert!(sender.is_closed());
        assert_eq!(sender.send("back"), Err(SendError("back")));
        assert_eq!(sender.clone().try_send("back"), Err(TrySendError::Disconnected("back")));
        assert_eq!(sender.send_timeout("back", SHORT), Err(SendTimeoutError::Disconnected("back")));
        assert_eq!(fibra::wait(sender.send_async("back")), Err(SendError("back")));
    }
}

#[test]
fn a_channel_that_is_closed_while_it_is_full_refuses_as_closed_and_drops_what_it_held() {
    let message = Arc::new(());
    let (sender, receiver) = bounded(2);
    (0..2).for_each(|_| sender.send(Arc::clone(&message)).unwrap());
    assert!(matches!(sender.try_send(Arc::clone(&message)), Err(TrySendError::Full(_))));
    let mut waiting = pin!(sender.send_async(Arc::clone(&message)));
    assert!(poll(waiting.as_mut()).is_pending());
    drop(receiver);
    assert!(matches!(poll(waiting.as_mut()), Poll::Ready(Err(SendError(_)))));
    assert_eq!(Arc::strong_count(&message), 1);
    assert!(matches!(sender.try_send(Arc::clone(&message)), Err(TrySendError::Disconnected(_))));
    assert!(sender.is_empty() && !sender.is_full());
}

#[fibra::test]
fn the_last_sender_to_go_ends_the_waits_of_all_receivers() {
    for (sender, receiver) in channels::<u8>() {
        let green: Vec<_> = (0..3)
            .map(|_| {
                let receiver = receiver.clone();
                thread::spawn(move || (receiver.recv(), receiver.recv_timeout(Duration::MAX)))
            })
            .collect();
        let of_task = receiver.clone();
        let task = future::spawn(async move { of_task.recv_async().await });
        let os = std::thread::spawn(move || receiver.recv());
        thread::sleep(SHORT);
        drop(sender.clone());
        drop(sender);
        for thread in green {
            assert_eq!(thread.join().unwrap(), (Err(RecvError), Err(RecvTimeoutError::Disconnected)));
        }
        assert_eq!(fibra::wait(task).unwrap(), Err(RecvError));
        assert_eq!(fibra::unblock(|| os.join().unwrap()), Err(RecvError));
    }
}

#[fibra::test]
fn the_last_receiver_to_go_ends_the_waits_of_all_senders_which_get_their_message_back() {
    for bound in [0, 1] {
        let (sender, receiver) = bounded(bound);
        (0..bound).for_each(|i| sender.send(i).unwrap());
        let green: Vec<_> = (10..13)
            .map(|i| {
                let sender = sender.clone();
                thread::spawn(move || (i, sender.send(i)))
            })
            .collect();
        let of_task = sender.clone();
        let task = future::spawn(async move { of_task.send_async(20).await });
        let os = std::thread::spawn(move || sender.send_timeout(30, Duration::MAX));
        thread::sleep(SHORT);
        drop(receiver.clone());
        drop(receiver);
        for thread in green {
            let (i, result) = thread.join().unwrap();
            assert_eq!(result, Err(SendError(i)));
        }
        assert_eq!(fibra::wait(task).unwrap(), Err(SendError(20)));
        assert_eq!(fibra::unblock(|| os.join().unwrap()), Err(SendTimeoutError::Disconnected(30)));
    }
}

#[fibra::test]
fn the_message_of_a_sender_that_waits_arrives_though_all_other_senders_are_gone() {
    for bound in [0, 1] {
        let (sender, receiver) = bounded(bound);
        (0..bound).for_each(|_| sender.send(7).unwrap());
        let sending = thread::spawn(move || sender.send(7));
        thread::sleep(SHORT);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), vec![7; bound + 1]);
        sending.join().unwrap().unwrap();
    }
}

#[test]
fn each_message_that_is_not_received_is_dropped_once_with_the_last_receiver() {
    let message = Arc::new(());
    let (sender, receiver) = unbounded();
    let other = receiver.clone();
    (0..5).for_each(|_| sender.send(Arc::clone(&message)).unwrap());
    drop(receiver.recv());
    drop(receiver);
    assert_eq!(Arc::strong_count(&message), 5);
    drop(other);
    assert_eq!(Arc::strong_count(&message), 1, "with the receiver, not with the last sender");
    drop(sender);
}

#[test]
fn a_message_that_uses_its_channel_as_it_is_dropped_finds_it_closed() {
    struct Letter(Option<Sender<Letter>>, Sender<bool>);
    impl Drop for Letter {
        fn drop(&mut self) {
            if let Some(sender) = self.0.take() {
                let closed = sender.send(Letter(None, self.1.clone())).is_err();
                self.1.send(closed).unwrap();
            }
        }
    }
    let ((sender, receiver), (report, reports)) = (unbounded(), unbounded());
    sender.send(Letter(Some(sender.clone()), report)).unwrap();
    drop(receiver);
    assert_eq!(reports.recv(), Ok(true));
}

#[fibra::test]
fn a_message_whose_destructor_panics_leaves_no_sender_waiting() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        }
    }
    let (sender, receiver) = bounded(1);
    assert!(sender.send(Bomb(true)).is_ok());
    let sending = thread::spawn(move || sender.send(Bomb(false)).is_err());
    thread::sleep(SHORT);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err());
    assert!(sending.join().unwrap());
}

#[test]
fn errors_say_what_has_happened_without_showing_the_message() {
    let timeout = SendTimeoutError::Timeout(1);
    assert_eq!(format!("{timeout:?}: {timeout}"), "Timeout(..): the channel had no room in time");
    let end = SendTimeoutError::Disconnected(1);
    assert_eq!(format!("{end:?}: {end}"), "Disconnected(..): all receivers of the channel are gone");
}
