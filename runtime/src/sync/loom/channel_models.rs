//! Channels of many receivers: no message is lost or doubled, and nobody waits for ever.

use super::*;
use channel::{RecvError, TryRecvError};

#[test]
fn two_receivers_get_one_message_each_and_then_the_end() {
    check(|| {
        let (sender, receiver) = channel::unbounded();
        let other = thread::spawn({
            let receiver = receiver.clone();
            move || block_on(receiver.recv_async()).unwrap()
        });
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        drop(sender);
        let mine = block_on(receiver.recv_async()).unwrap();
        assert_eq!(mine + other.join().unwrap(), 3);
        assert_eq!(block_on(receiver.recv_async()), Err(RecvError));
    });
}

#[test]
fn a_message_for_a_receive_that_is_dropped_goes_to_another_one_that_waits() {
    check(|| {
        let (sender, receiver) = channel::unbounded();
        let (mut dropped, mut other) = (receiver.recv_async(), receiver.recv_async());
        assert!(poll_once(&mut dropped).is_pending());
        assert!(poll_once(&mut other).is_pending());
        let sending = thread::spawn(move || sender.send(1).unwrap());
        drop(dropped);
        assert_eq!(block_on(&mut other), Ok(1));
        sending.join().unwrap();
    });
}

#[test]
fn a_receiver_that_is_quicker_than_the_one_that_was_woken_starves_it_of_nothing() {
    check(|| {
        let (sender, receiver) = channel::unbounded();
        let mut woken = receiver.recv_async();
        assert!(poll_once(&mut woken).is_pending());
        let sending = thread::spawn(move || {
            sender.send(1).unwrap();
            sender.send(2).unwrap();
        });
        let quick = receiver.try_recv();
        let slow = block_on(&mut woken).unwrap();
        sending.join().unwrap();
        match quick {
            Ok(quick) => assert_eq!(quick + slow, 3),
            Err(_) => assert_eq!((slow, receiver.try_recv()), (1, Ok(2))),
        }
    });
}

#[test]
fn full_channels_hand_their_room_to_those_that_wait() {
    check(|| {
        let (sender, receiver) = channel::bounded(1);
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
fn two_receivers_and_a_full_buffer_leave_nobody_waiting() {
    check(|| {
        let (sender, receiver) = channel::bounded(1);
        let (mut first, mut second) = (receiver.recv_async(), receiver.recv_async());
        assert!(poll_once(&mut first).is_pending());
        assert!(poll_once(&mut second).is_pending());
        let sending = thread::spawn(move || {
            block_on(sender.send_async(1)).unwrap();
            block_on(sender.send_async(2)).unwrap();
        });
        assert_eq!(block_on(&mut second).unwrap() + block_on(&mut first).unwrap(), 3);
        sending.join().unwrap();
    });
}

#[test]
fn many_partners_meet_at_a_rendezvous() {
    check(|| {
        let (sender, receiver) = channel::bounded(0);
        let sending = thread::spawn(move || block_on(sender.send_async(1)).unwrap());
        let other = thread::spawn({
            let receiver = receiver.clone();
            move || block_on(receiver.recv_async()).ok()
        });
        let mine = block_on(receiver.recv_async()).ok();
        sending.join().unwrap();
        assert_eq!([mine, other.join().unwrap()].into_iter().flatten().collect::<Vec<_>>(), [1]);
    });
}

#[test]
fn a_message_has_one_owner_when_its_send_is_dropped_as_it_is_received() {
    check(|| {
        let (sender, receiver) = channel::bounded(0);
        let message = Arc::new(());
        let mut send = sender.send_async(Arc::clone(&message));
        assert!(poll_once(&mut send).is_pending());
        let receiving = thread::spawn(move || receiver.try_recv().is_ok());
        drop(send);
        receiving.join().unwrap();
        assert_eq!(Arc::strong_count(&message), 1);
    });
}

#[test]
fn a_blocked_sender_gets_its_message_back_from_the_last_receiver_to_go() {
    check(|| {
        let (sender, receiver) = channel::bounded(0);
        let sending = thread::spawn(move || block_on(sender.send_async(5)));
        let other = receiver.clone();
        let going = thread::spawn(move || drop(other));
        drop(receiver);
        assert_eq!(sending.join().unwrap().unwrap_err().0, 5);
        going.join().unwrap();
    });
}
