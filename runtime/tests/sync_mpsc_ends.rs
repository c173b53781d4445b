//! A channel tells of its end in every order of ends, and drops what nobody receives.

use fibra::sync::mpsc::{
    self, Receiver, RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError, channel, sync_channel,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

const SHORT: Duration = Duration::from_millis(5);

fn send_elsewhere<T: Send + 'static>(
    sender: &mpsc::SyncSender<T>,
    message: T,
) -> thread::JoinHandle<Result<(), SendError<T>>> {
    let sender = sender.clone();
    thread::spawn(move || sender.send(message))
}

// Disconnection, in every order

#[test]
fn what_was_sent_before_the_senders_went_is_received() {
    for bound in [1, 2] {
        let (sender, receiver) = sync_channel(bound);
        sender.send(1).unwrap();
        drop(sender);
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(receiver.recv(), Err(RecvError));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Disconnected));
    }
}

#[test]
fn the_last_sender_to_go_disconnects_and_no_other() {
    let (sender, receiver) = channel::<u8>();
    let clone = sender.clone();
    drop(sender);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    let waiter = thread::spawn(move || receiver.recv());
    clone.clone().send(1).unwrap();
    assert_eq!(waiter.join().unwrap(), Ok(1));

    let (sender, receiver) = sync_channel::<u8>(0);
    let waiter = thread::spawn(move || (receiver.recv(), receiver.recv_timeout(Duration::MAX)));
    drop(sender.clone());
    drop(sender);
    assert_eq!(waiter.join().unwrap(), (Err(RecvError), Err(RecvTimeoutError::Disconnected)));
}

#[test]
fn senders_get_their_message_back_once_the_receiver_is_gone() {
    let (sender, receiver) = channel();
    sender.send("kept").unwrap();
    drop(receiver);
    assert_eq!(sender.send("back"), Err(SendError("back")));
    assert_eq!(sender.clone().send("back"), Err(SendError("back")));

    for bound in [0, 1] {
        let (sender, receiver) = sync_channel(bound);
        drop(receiver);
        assert_eq!(sender.send("back"), Err(SendError("back")));
        assert_eq!(sender.try_send("back"), Err(TrySendError::Disconnected("back")));
        assert_eq!(fibra::wait(sender.send_async("back")), Err(SendError("back")));
    }
}

#[test]
fn a_channel_that_is_closed_while_it_is_full_refuses_as_closed_and_drops_what_it_held() {
    let message = Arc::new(());
    let (sender, receiver) = sync_channel(2);
    (0..2).for_each(|_| sender.send(Arc::clone(&message)).unwrap());
    assert!(matches!(sender.try_send(Arc::clone(&message)), Err(TrySendError::Full(_))));
    drop(receiver);
    assert_eq!(Arc::strong_count(&message), 1);
    assert!(matches!(sender.try_send(Arc::clone(&message)), Err(TrySendError::Disconnected(_))));
    assert!(sender.send(message).is_err());
}

#[test]
fn senders_that_wait_get_their_message_back_when_the_receiver_goes() {
    for bound in [0, 1] {
        let (sender, receiver) = sync_channel(bound);
        (0..bound).for_each(|_| sender.send("fills").unwrap());
        let sending: Vec<_> = (0..3).map(|_| send_elsewhere(&sender, "back")).collect();
        thread::sleep(SHORT);
        drop(receiver);
        for sending in sending {
            assert_eq!(sending.join().unwrap(), Err(SendError("back")));
        }
    }
}

#[test]
fn the_message_of_a_sender_that_waits_arrives_though_all_other_senders_are_gone() {
    let (sender, receiver) = sync_channel(0);
    let sending = send_elsewhere(&sender, 1);
    drop(sender);
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [1]);
    sending.join().unwrap().unwrap();
}

// Messages and their destructors

#[test]
fn each_message_that_is_not_received_is_dropped_once() {
    let message = Arc::new(());
    for receive in [0, 1, 3] {
        let (sender, receiver) = channel();
        (0..5).for_each(|_| sender.send(Arc::clone(&message)).unwrap());
        (0..receive).for_each(|_| drop(receiver.recv().unwrap()));
        assert_eq!(Arc::strong_count(&message), 6 - receive);
        drop(receiver);
        assert_eq!(Arc::strong_count(&message), 1, "with the receiver, not with the last sender");
        drop(sender);
    }
    let (sender, receiver) = sync_channel(2);
    sender.send(Arc::clone(&message)).unwrap();
    drop(sender);
    drop(receiver);
    assert_eq!(Arc::strong_count(&message), 1);
}

#[test]
fn a_message_that_uses_its_channel_as_it_is_dropped_finds_it_closed() {
    struct Letter(mpsc::Sender<Letter>, mpsc::Sender<bool>);
    impl Drop for Letter {
        fn drop(&mut self) {
            let closed = self.0.send(Letter(self.0.clone(), channel().0)).map_err(|SendError(mut letter)| {
                // Its own destructor must not try again.
                letter.0 = channel().0;
                std::mem::forget(letter);
            });
            self.1.send(closed.is_err()).unwrap();
        }
    }
    let ((sender, receiver), (report, reports)) = (channel(), channel());
    sender.send(Letter(sender.clone(), report)).unwrap();
    drop(receiver);
    assert_eq!(reports.recv(), Ok(true));
}

#[test]
fn a_message_whose_destructor_panics_leaves_no_sender_waiting() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "on purpose");
        }
    }
    let (sender, receiver) = sync_channel(1);
    assert!(sender.send(Bomb(true)).is_ok());
    let sending = thread::spawn(move || sender.send(Bomb(false)).is_err());
    thread::sleep(SHORT);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err());
    assert!(sending.join().unwrap());
}

// Iterators

#[test]
fn iterators_end_where_they_say() {
    let (sender, receiver) = channel();
    (0..4).for_each(|i| sender.send(i).unwrap());
    assert_eq!(receiver.try_iter().take(2).sum::<i32>(), 1);
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [2, 3]);
    assert_eq!(receiver.try_iter().next(), None);
    let sending = thread::spawn(move || (4..8).for_each(|i| sender.send(i).unwrap()));
    assert_eq!(receiver.iter().take(2).collect::<Vec<_>>(), [4, 5]);
    assert_eq!((&receiver).into_iter().next(), Some(6));
    assert_eq!(receiver.into_iter().collect::<Vec<_>>(), [7]);
    sending.join().unwrap();
}

#[test]
fn the_memory_of_a_burst_does_not_disturb_what_follows() {
    let (sender, receiver): (_, Receiver<[usize; 8]>) = channel();
    for burst in [100_000, 3, 50_000, 1] {
        (0..burst).for_each(|i| sender.send([i; 8]).unwrap());
        (0..burst).for_each(|i| assert_eq!(receiver.recv(), Ok([i; 8])));
    }
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn each_end_can_be_asked_whether_the_other_is_gone() {
    let ((sender, receiver), (sync_sender, sync_receiver)) = (channel(), sync_channel(1));
    let clones = (sender.clone(), sync_sender.clone());
    assert!(!sender.is_closed() && !sync_sender.is_closed());
    drop((receiver, sync_receiver));
    assert!(sender.is_closed() && sync_sender.is_closed() && clones.0.is_closed() && clones.1.is_closed());
    assert_eq!((sender.send(1), sync_sender.send(1)), (Err(SendError(1)), Err(SendError(1))));

    let (sender, receiver) = channel();
    let clone = sender.clone();
    sender.send(1).unwrap();
    drop(sender);
    assert!(!receiver.is_closed());
    drop(clone);
    assert!(receiver.is_closed());
    assert_eq!((receiver.recv(), receiver.recv()), (Ok(1), Err(RecvError)));
}
