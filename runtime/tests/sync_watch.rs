//! A watched value is seen by all in its last version, and never half changed.

use fibra::{
    cancel::Cancelled,
    future,
    sync::watch::{Receiver, RecvError, SendError, Sender, channel},
    thread,
    time::{timeout, timeout_async},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc::RecvTimeoutError},
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

// Versions

#[test]
fn a_version_is_seen_by_changed_and_by_updates_and_not_by_looks() {
    let (sender, mut receiver) = channel(0);
    assert_eq!(receiver.has_changed(), Ok(false), "the first value counts as seen");
    sender.send(1).unwrap();
    assert_eq!((*receiver.borrow(), receiver.has_changed()), (1, Ok(true)));
    receiver.changed().unwrap();
    assert_eq!(receiver.has_changed(), Ok(false));
    sender.send(2).unwrap();
    sender.send(3).unwrap();
    assert_eq!(*receiver.borrow_and_update(), 3);
    assert_eq!(receiver.has_changed(), Ok(false));
    sender.send(4).unwrap();
    receiver.mark_unchanged();
    assert_eq!(receiver.has_changed(), Ok(false));
    receiver.mark_changed();
    assert_eq!((receiver.has_changed(), receiver.changed()), (Ok(true), Ok(())));
    assert_eq!(*receiver.wait_for(|value| *value == 4).unwrap(), 4);
}

#[test]
fn a_new_receiver_has_seen_the_value_and_a_clone_what_its_original_has() {
    let (sender, receiver) = channel(0);
    sender.send(1).unwrap();
    let (clone, late) = (receiver.clone(), sender.subscribe());
    assert_eq!((clone.has_changed(), late.has_changed()), (Ok(true), Ok(false)));
    assert_eq!(sender.receiver_count(), 3);
}

#[test]
fn a_sender_changes_the_value_in_every_way_it_says() {
    let (sender, mut receiver) = channel(vec![1]);
    sender.send_modify(|list| list.push(2));
    assert_eq!(*receiver.borrow_and_update(), [1, 2]);
    assert!(!sender.send_if_modified(|list| {
        list.push(3);
        false
    }));
    assert_eq!((receiver.has_changed(), receiver.borrow().len()), (Ok(false), 3));
    assert!(sender.send_if_modified(|list| list.pop().is_some()));
    assert_eq!(receiver.has_changed(), Ok(true));
    assert_eq!(sender.send_replace(vec![]), [1, 2]);
    assert!(sender.borrow().is_empty());
}

#[test]
fn a_change_that_panics_is_kept_and_not_told() {
    let (sender, receiver) = channel(0);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        sender.send_modify(|value| {
            *value = 1;
            std::panic::resume_unwind(Box::new("on purpose"));
        });
    }));
    assert!(panicked.is_err());
    assert_eq!((*receiver.borrow(), receiver.has_changed()), (1, Ok(false)));
    sender.send(2).unwrap();
    assert_eq!(*receiver.borrow(), 2);
}

// Ends

#[test]
fn without_a_receiver_send_changes_nothing_and_the_others_do() {
    let sender = Sender::new(0);
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(SendError(1)));
    assert_eq!(*sender.borrow(), 0);
    sender.send_modify(|value| *value = 2);
    assert_eq!(sender.send_replace(3), 2);
    let receiver = sender.subscribe();
    assert_eq!(*receiver.borrow(), 3);
    assert_eq!(sender.send(4), Ok(()));
}

#[test]
fn the_last_value_is_told_of_before_the_end() {
    let (sender, mut receiver) = channel(0);
    sender.clone().send(1).unwrap();
    drop(sender);
    assert_eq!(receiver.has_changed(), Ok(true));
    assert_eq!(receiver.changed(), Ok(()));
    assert_eq!(receiver.has_changed(), Err(RecvError));
    assert_eq!(receiver.changed(), Err(RecvError));
    assert_eq!(receiver.changed_timeout(SHORT), Err(RecvTimeoutError::Disconnected));
    assert_eq!(fibra::wait(receiver.changed_async()), Err(RecvError));
    assert_eq!(*receiver.borrow(), 1, "the value stays");
    assert_eq!(*receiver.wait_for(|value| *value == 1).unwrap(), 1);
    assert!(receiver.wait_for(|value| *value == 2).is_err());
    assert!(fibra::wait(receiver.wait_for_async(|value| *value == 2)).is_err());
}

#[fibra::test]
fn a_change_and_then_the_end_reach_every_kind_of_waiter() {
    fn wait(mut receiver: Receiver<i32>) -> (Result<(), RecvError>, i32, Result<(), RecvError>) {
        let changed = receiver.changed();
        let value = *receiver.borrow();
        (changed, value, receiver.changed())
    }
    let (sender, receiver) = channel(0);
    let green: Vec<_> = (0..3)
        .map(|_| {
            let receiver = receiver.clone();
            thread::spawn(move || wait(receiver))
        })
        .collect();
    let mut of_task = receiver.clone();
    let task = future::spawn(async move {
        let changed = of_task.changed_async().await;
        let value = *of_task.borrow();
        (changed, value, of_task.changed_async().await)
    });
    let os = std::thread::spawn(move || wait(receiver));
    thread::sleep(SHORT);
    sender.send(7).unwrap();
    thread::sleep(SHORT);
    drop(sender);
    let expected = (Ok(()), 7, Err(RecvError));
    green.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), expected));
    assert_eq!(fibra::wait(task).unwrap(), expected);
    assert_eq!(fibra::unblock(|| os.join().unwrap()), expected);
}

#[fibra::test]
fn closed_returns_when_the_last_receiver_is_gone() {
    let (sender, receiver) = channel(0);
    let waiter = thread::spawn({
        let sender = sender.clone();
        move || sender.closed()
    });
    let task = future::spawn({
        let sender = sender.clone();
        async move { sender.closed_async().await }
    });
    let other = receiver.clone();
    drop(receiver);
    thread::sleep(SHORT);
    assert!(!waiter.is_finished());
    drop(other);
    waiter.join().unwrap();
    fibra::wait(task).unwrap();
    sender.closed();
}

// Looks

#[fibra::test(workers = 1)]
fn looks_never_wait_for_each_other_and_senders_wait_for_looks() {
    let (sender, receiver) = channel(0);
    let look = receiver.borrow();
    let sending = thread::spawn({
        let sender = sender.clone();
        move || sender.send(1)
    });
    let_others_wait();
    assert!(!sending.is_finished());
    // While a sender waits, too.
    assert_eq!((*receiver.borrow(), *sender.borrow(), *look), (0, 0, 0));
    drop(look);
    assert_eq!(sending.join().unwrap(), Ok(()));
    assert_eq!(*receiver.borrow(), 1);
}

#[fibra::test(workers = 1)]
fn a_look_waits_while_a_sender_changes_the_value_which_may_wait_itself() {
    let (sender, receiver) = channel(0);
    let changing = thread::spawn(move || {
        sender.send_modify(|value| {
            *value = 1;
            thread::sleep(SHORT);
            *value = 2;
        });
        sender
    });
    let_others_wait();
    let mut of_task = receiver.clone();
    let task = future::spawn(async move { *of_task.wait_for_async(|value| *value > 0).await.unwrap() });
    assert_eq!(*receiver.borrow(), 2, "not 1");
    assert_eq!(fibra::wait(task).unwrap(), 2);
    drop(changing.join().unwrap());
}

#[fibra::test]
fn no_look_sees_a_value_that_is_half_changed() {
    let (sender, receiver) = channel((0_u64, 0_u64));
    let looking: Vec<_> = (0..4)
        .map(|_| {
            let mut receiver = receiver.clone();
            thread::spawn(move || {
                let mut last = 0;
                while receiver.changed().is_ok() {
                    let look = receiver.borrow();
                    thread::yield_now();
                    assert_eq!(look.0, look.1);
                    assert!(look.0 >= last);
                    last = look.0;
                }
                last
            })
        })
        .collect();
    let senders: Vec<_> = (0..2)
        .map(|_| {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for _ in 0..500 {
                    sender.send_modify(|value| {
                        value.0 += 1;
                        std::thread::yield_now();
                        value.1 += 1;
                    });
                }
            })
        })
        .collect();
    fibra::unblock(|| senders.into_iter().for_each(|sender| sender.join().unwrap()));
    drop(sender);
    looking.into_iter().for_each(|looking| assert_eq!(looking.join().unwrap(), 1_000));
}

// Waits

#[fibra::test]
fn wait_for_returns_a_value_for_which_the_condition_holds() {
    let (sender, mut receiver) = channel(0);
    assert_eq!(*receiver.wait_for(|value| *value == 0).unwrap(), 0, "the one that is there");
    let mut of_task = receiver.clone();
    let task = future::spawn(async move { *of_task.wait_for_async(|value| *value >= 50).await.unwrap() });
    let waiter = thread::spawn(move || *receiver.wait_for(|value| *value >= 50).unwrap());
    for value in 1..=50 {
        sender.send_replace(value);
        thread::yield_now();
    }
    assert_eq!(waiter.join().unwrap(), 50);
    assert_eq!(fibra::wait(task).unwrap(), 50);
}

#[fibra::test(workers = 1)]
fn a_wait_that_is_given_up_has_seen_nothing() {
    let (sender, mut receiver) = channel(0);
    let start = Instant::now();
    assert_eq!(receiver.changed_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    assert!(start.elapsed() >= SHORT);
    assert!(timeout(SHORT, || receiver.changed()).is_err());
    assert!(fibra::wait(timeout_async(SHORT, receiver.changed_async())).is_err());
    let mut dropped = receiver.changed_async();
    assert!(std::pin::Pin::new(&mut dropped).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    sender.send(1).unwrap();
    drop(dropped);
    assert_eq!(receiver.has_changed(), Ok(true));
    assert_eq!(receiver.changed_timeout(Duration::MAX), Ok(()));

    let shared = Arc::new(fibra::sync::Mutex::new(receiver));
    let waiter = thread::spawn({
        let shared = Arc::clone(&shared);
        move || shared.lock().unwrap().changed()
    });
    let_others_wait();
    sender.send(2).unwrap();
    waiter.cancel();
    match waiter.join() {
        Ok(changed) => assert_eq!(changed, Ok(())),
        cancelled => {
            assert!(was_cancelled(cancelled));
            shared.clear_poison();
            assert_eq!(shared.lock().unwrap().has_changed(), Ok(true));
        }
    }
}
