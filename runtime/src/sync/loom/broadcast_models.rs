//! Channels whose messages go to all, and values that are watched: every receiver hears of everything, and of the end.

use super::*;
use broadcast::RecvError;

#[test]
fn both_receivers_get_both_messages_and_then_the_end() {
    check(|| {
        let (sender, mut mine) = broadcast::channel(2);
        let mut others = sender.subscribe();
        let other = thread::spawn(move || {
            assert_eq!(block_on(others.recv_async()), Ok(1));
            assert_eq!(block_on(others.recv_async()), Ok(2));
            assert_eq!(block_on(others.recv_async()), Err(RecvError::Closed));
        });
        let sending = thread::spawn(move || {
            sender.send(1).unwrap();
            sender.send(2).unwrap();
        });
        assert_eq!(block_on(mine.recv_async()), Ok(1));
        assert_eq!(block_on(mine.recv_async()), Ok(2));
        other.join().unwrap();
        sending.join().unwrap();
    });
}

#[test]
fn a_receive_that_is_dropped_loses_no_message() {
    check(|| {
        let (sender, mut receiver) = broadcast::channel(2);
        let mut dropped = receiver.recv_async();
        assert!(poll_once(&mut dropped).is_pending());
        let sending = thread::spawn(move || sender.send(1).unwrap());
        drop(dropped);
        assert_eq!(block_on(receiver.recv_async()), Ok(1));
        sending.join().unwrap();
    });
}

#[test]
fn a_message_is_dropped_once_when_receivers_take_it_and_go() {
    check(|| {
        let message = Arc::new(());
        let (sender, mut receiver) = broadcast::channel(1);
        let other = sender.subscribe();
        sender.send(Arc::clone(&message)).unwrap();
        let going = thread::spawn(move || drop(other));
        drop(block_on(receiver.recv_async()).unwrap());
        going.join().unwrap();
        assert_eq!((Arc::strong_count(&message), sender.len()), (1, 0));
    });
}

#[test]
fn who_lags_is_told_how_much_it_missed() {
    check(|| {
        let (sender, mut receiver) = broadcast::channel(1);
        let sending = thread::spawn(move || {
            sender.send(1).unwrap();
            sender.send(2).unwrap();
        });
        match block_on(receiver.recv_async()) {
            Ok(first) => assert_eq!(first, 1),
            Err(lagged) => assert_eq!(lagged, RecvError::Lagged(1)),
        }
        assert_eq!(block_on(receiver.recv_async()), Ok(2));
        sending.join().unwrap();
    });
}

#[test]
fn a_sender_that_waits_for_the_end_of_the_receivers_is_told() {
    check(|| {
        let (sender, receiver) = broadcast::channel::<u8>(1);
        let going = thread::spawn(move || drop(receiver));
        block_on(sender.closed_async());
        going.join().unwrap();
    });
}
