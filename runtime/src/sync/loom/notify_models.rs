//! Notifications, and things that happen once: none is missed, and none is swallowed.

use super::*;
use crate::primitive::{Acquire, AtomicBool, Release};

#[test]
fn a_notification_ends_a_wait_whichever_is_first() {
    check(|| {
        let notify = Arc::new(Notify::new());
        let notifying = thread::spawn({
            let notify = Arc::clone(&notify);
            move || notify.notify_one()
        });
        block_on(notify.notified_async());
        notifying.join().unwrap();
        assert!(poll_once(&mut notify.notified_async()).is_pending(), "it ended one wait");
    });
}

#[test]
fn a_notification_of_a_wait_that_is_dropped_goes_to_the_next_or_stays() {
    check(|| {
        let notify = Arc::new(Notify::new());
        let mut dropped = notify.notified_async();
        assert!(poll_once(&mut dropped).is_pending());
        let notifying = thread::spawn({
            let notify = Arc::clone(&notify);
            move || notify.notify_one()
        });
        let next = thread::spawn({
            let notify = Arc::clone(&notify);
            move || block_on(notify.notified_async())
        });
        drop(dropped);
        notifying.join().unwrap();
        next.join().unwrap();
    });
}

#[test]
fn what_is_made_before_all_are_notified_is_notified() {
    check(|| {
        let notify = Arc::new(Notify::new());
        let (mut polled, unpolled) = (notify.notified_async(), notify.notified_async());
        assert!(poll_once(&mut polled).is_pending());
        let notifying = thread::spawn({
            let notify = Arc::clone(&notify);
            move || notify.notify_waiters()
        });
        block_on(unpolled);
        block_on(&mut polled);
        notifying.join().unwrap();
    });
}

#[test]
fn a_condition_that_is_looked_at_after_the_future_was_made_is_not_missed() {
    check(|| {
        let shared = Arc::new((Exclusive::new(), AtomicBool::new(false), Notify::new()));
        let setting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.0.increment();
                shared.1.store(true, Release);
                shared.2.notify_waiters();
            }
        });
        let notified = shared.2.notified_async();
        if !shared.1.load(Acquire) {
            block_on(notified);
        }
        assert_eq!(shared.0.increment(), 2);
        setting.join().unwrap();
    });
}

#[test]
fn a_latch_opens_for_those_that_wait_and_shows_what_was_done_before() {
    check(|| {
        let shared = Arc::new((Latch::new(2), Exclusive::new()));
        let counting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.1.increment();
                shared.0.count_down();
            }
        });
        shared.0.count_down();
        block_on(shared.0.wait_async());
        assert_eq!(shared.1.increment(), 2);
        counting.join().unwrap();
    });
}

#[test]
fn a_group_waits_for_the_last_party_and_for_no_more() {
    check(|| {
        let (group, done) = (WaitGroup::new(), Arc::new(Exclusive::new()));
        let party = thread::spawn({
            let (party, done) = (group.clone(), Arc::clone(&done));
            move || {
                done.increment();
                drop(party);
            }
        });
        block_on(group.wait_async());
        assert_eq!(done.increment(), 2);
        party.join().unwrap();
    });
}

#[test]
fn a_child_that_is_made_while_its_parent_is_cancelled_is_cancelled() {
    check(|| {
        let parent = CancellationToken::new();
        let cancelling = thread::spawn({
            let parent = parent.clone();
            move || parent.cancel()
        });
        let child = parent.child();
        drop(parent);
        block_on(child.cancelled_async());
        cancelling.join().unwrap();
    });
}

#[test]
fn a_grandchild_is_cancelled_though_the_token_between_goes() {
    check(|| {
        let root = CancellationToken::new();
        let middle = root.child();
        let leaf = middle.child();
        let going = thread::spawn(move || drop(middle));
        root.cancel();
        assert!(leaf.is_cancelled());
        going.join().unwrap();
    });
}

#[test]
fn after_a_cancel_all_below_are_cancelled_whoever_else_cancels() {
    check(|| {
        let root = CancellationToken::new();
        let middle = root.child();
        let leaf = middle.child();
        let cancelling = thread::spawn(move || middle.cancel());
        root.cancel();
        assert!(leaf.is_cancelled());
        cancelling.join().unwrap();
    });
}
