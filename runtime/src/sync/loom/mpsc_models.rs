//! Channels: no message is lost, doubled or out of turn, and nobody waits for ever.

use super::*;
use mpsc::{RecvError, TryRecvError};

#[test]
fn what_two_senders_send_arrives_and_then_the_channel_ends() {
    check(|| {
        let (sender, mut receiver) = mpsc::channel();
        let senders = [sender.clone(), sender].map(|sender| thread::spawn(move || sender.send(1).unwrap()));
        assert_eq!(block_on(receiver.recv_async()), Ok(1));
        assert_eq!(block_on(receiver.recv_async()), Ok(1));
        assert_eq!(block_on(receiver.recv_async()), Err(RecvError));
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

#[test]
fn a_receive_that_is_dropped_loses_no_message() {
    check(|| {
        let (sender, mut receiver) = mpsc::channel();
        let mut dropped = receiver.recv_async();
        assert!(poll_once(&mut dropped).is_pending());
        let sender = thread::spawn(move || sender.send(1).unwrap());
        drop(dropped);
        assert_eq!(block_on(receiver.recv_async()), Ok(1));
        sender.join().unwrap();
    });
}

#[test]
fn a_receiver_that_looks_again_as_it_is_handed_a_message_gets_all_in_order() {
    check(|| {
        let (sender, mut receiver) = mpsc::sync_channel(1);
        let mut first = receiver.recv_async();
        assert!(poll_once(&mut first).is_pending());
        let sender = thread::spawn(move || {
            sender.try_send(1).unwrap();
            // There is room: the first one is the receiver's already.
            sender.try_send(2).unwrap();
        });
        // Whether it comes or not, this look takes nothing out of turn.
        let message = match poll_once(&mut first) {
            Poll::Ready(message) => message,
            Poll::Pending => block_on(&mut first),
        };
        assert_eq!(message, Ok(1));
        drop(first);
        assert_eq!(block_on(receiver.recv_async()), Ok(2));
        sender.join().unwrap();
    });
}

#[test]
fn a_message_that_was_handed_over_to_a_receive_that_is_dropped_stays_the_oldest() {
    check(|| {
        let (sender, mut receiver) = mpsc::sync_channel(2);
        let mut dropped = receiver.recv_async();
        assert!(poll_once(&mut dropped).is_pending());
        let sender = thread::spawn(move || {
            sender.try_send(1).unwrap();
            sender.try_send(2).unwrap();
        });
        drop(dropped);
        assert_eq!(block_on(receiver.recv_async()), Ok(1));
        assert_eq!(block_on(receiver.recv_async()), Ok(2));
        sender.join().unwrap();
    });
}

#[test]
fn senders_that_wait_for_room_all_get_it() {
    check(|| {
        let (sender, mut receiver) = mpsc::sync_channel(1);
        let sending = thread::spawn(move || {
            for i in 0..3 {
                block_on(sender.send_async(i)).unwrap();
            }
        });
        for i in 0..3 {
            assert_eq!(block_on(receiver.recv_async()), Ok(i));
        }
        sending.join().unwrap();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    });
}

#[test]
fn rendezvous_partners_meet() {
    check(|| {
        let (sender, mut receiver) = mpsc::sync_channel(0);
        let senders = [sender.clone(), sender]
            .map(|sender| thread::spawn(move || block_on(sender.send_async(1)).unwrap()));
        assert_eq!(block_on(receiver.recv_async()), Ok(1));
        assert_eq!(block_on(receiver.recv_async()), Ok(1));
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

#[test]
fn a_send_that_is_given_up_delivers_its_message_or_drops_it() {
    check(|| {
        let (sender, receiver) = mpsc::sync_channel(0);
        let message = Arc::new(());
        let mut send = sender.send_async(Arc::clone(&message));
        assert!(poll_once(&mut send).is_pending());
        let receiving = thread::spawn(move || receiver.try_recv().is_ok());
        drop(send);
        // Either way: nobody keeps it.
        receiving.join().unwrap();
        assert_eq!(Arc::strong_count(&message), 1);
    });
}

#[test]
fn a_blocked_sender_gets_its_message_back_when_the_receiver_goes() {
    check(|| {
        let (sender, receiver) = mpsc::sync_channel(0);
        let sending = thread::spawn(move || block_on(sender.send_async(5)));
        drop(receiver);
        assert_eq!(sending.join().unwrap().unwrap_err().0, 5);
    });
}
