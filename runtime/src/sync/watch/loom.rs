//! Models of watched values: no change is missed, and nobody sees a value that is being changed.
//!
//! A direct call that had to wait would stop loom's only OS thread: what may have to wait does so as a future.

use super::{RecvError, channel, shared::Shared};
use crate::sync::loom::{block_on, check, poll_once};
use ::loom::thread;
use std::sync::Arc;

#[test]
fn a_change_is_seen_and_then_the_end() {
    check(|| {
        let (sender, mut receiver) = channel(0);
        let sending = thread::spawn(move || sender.send(1).unwrap());
        assert_eq!(block_on(receiver.changed_async()), Ok(()));
        assert_eq!(*receiver.borrow(), 1);
        assert_eq!(block_on(receiver.changed_async()), Err(RecvError));
        sending.join().unwrap();
    });
}

#[test]
fn a_wait_that_is_dropped_has_seen_nothing() {
    check(|| {
        let (sender, mut receiver) = channel(0);
        let mut dropped = receiver.changed_async();
        assert!(poll_once(&mut dropped).is_pending());
        let sending = thread::spawn({
            let sender = sender.clone();
            move || sender.send(1).unwrap()
        });
        drop(dropped);
        assert_eq!(block_on(receiver.changed_async()), Ok(()));
        sending.join().unwrap();
    });
}

#[test]
fn senders_and_looks_exclude_each_other_and_all_get_their_turn() {
    check(|| {
        let shared = Arc::new(Shared::new((0, 0)));
        let change = |shared: &Shared<(u32, u32)>| {
            let mut change = block_on(shared.changing());
            change.0 += 1;
            change.1 += 1;
            change.publish();
        };
        let changing = thread::spawn({
            let shared = Arc::clone(&shared);
            move || change(&shared)
        });
        let looking = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let (value, version) = block_on(shared.looking());
                assert_eq!((u64::from(value.0), value.0), (version, value.1));
            }
        });
        change(&shared);
        changing.join().unwrap();
        looking.join().unwrap();
        assert_eq!(*block_on(shared.looking()).0, (2, 2));
    });
}

#[test]
fn a_sender_that_waits_for_the_end_of_the_receivers_is_told() {
    check(|| {
        let (sender, receiver) = channel(0);
        let going = thread::spawn(move || drop(receiver));
        block_on(sender.closed_async());
        going.join().unwrap();
        assert!(sender.send(1).is_err());
    });
}
