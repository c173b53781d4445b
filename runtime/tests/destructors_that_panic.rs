//! A destructor that panics harms nobody but its caller: what was shared with others goes on.

use fibra::{
    future,
    sync::{Mutex, OnceLock, RwLock, broadcast, oneshot, watch},
    thread,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
};

/// Panics when it is dropped, unless that is during a panic.
#[derive(Clone, Debug)]
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::resume_unwind(Box::new("a destructor"));
        }
    }
}

/// Whether `act` panics, as it should here.
fn goes_off(act: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(act)).is_err_and(|payload| payload.downcast_ref() == Some(&"a destructor"))
}

#[fibra::test]
fn what_a_closure_has_captured_ends_its_thread_in_a_panic() {
    let (grenade, (sender, ended)) = (Grenade, mpsc::channel());
    let thread = thread::spawn(move || {
        let _grenade = grenade;
        sender.send(7).unwrap();
    });
    assert_eq!(*thread.join().unwrap_err().downcast::<&str>().unwrap(), "a destructor");
    assert_eq!(ended.recv(), Ok(7));
    assert_eq!(thread::spawn(|| 1).join().unwrap(), 1);
}

#[fibra::test(workers = 1)]
fn what_a_thread_has_captured_that_was_cancelled_before_it_started_harms_nobody() {
    let grenade = Grenade;
    let thread = thread::spawn(move || {
        let _grenade = &grenade;
        unreachable!("it was cancelled before it could start");
    });
    thread.cancel();
    assert!(thread.join().is_err());
    assert_eq!(thread::spawn(|| 1).join().unwrap(), 1);
}

#[fibra::test]
fn what_a_cancelled_future_holds_harms_nobody() {
    let grenade = Grenade;
    let task = future::spawn(async move {
        let _grenade = grenade;
        std::future::pending::<()>().await
    });
    thread::yield_now();
    task.cancel();
    assert!(fibra::wait(task).is_err());
    assert_eq!(fibra::wait(future::spawn(async { 1 })).unwrap(), 1);
}

#[fibra::test]
fn a_message_that_is_pushed_out_has_made_room_and_the_new_one_arrives() {
    let (sender, mut receiver) = broadcast::channel(1);
    sender.send(Some(Grenade)).unwrap();
    let waiting = thread::spawn({
        let mut receiver = sender.subscribe();
        move || receiver.recv().is_ok_and(|message| message.is_none())
    });
    assert!(goes_off(|| _ = sender.send(None)));
    assert!(waiting.join().unwrap());
    assert!(matches!(receiver.recv(), Err(broadcast::RecvError::Lagged(1))));
    assert!(receiver.recv().unwrap().is_none());
    drop(sender);
    assert!(receiver.recv().is_err());
}

#[fibra::test]
fn a_watched_value_that_was_replaced_has_been_and_all_are_told() {
    let (sender, mut receiver) = watch::channel(Some(Grenade));
    let waiting = thread::spawn({
        let mut receiver = receiver.clone();
        move || receiver.changed()
    });
    assert!(goes_off(|| sender.send(None).unwrap()));
    assert_eq!(receiver.changed(), Ok(()));
    assert!(receiver.borrow().is_none());
    assert_eq!(waiting.join().unwrap(), Ok(()));
    sender.send(None).unwrap();
    assert_eq!(receiver.changed(), Ok(()));
}

#[fibra::test]
fn a_value_that_nobody_receives_leaves_its_sender_told() {
    let (sender, receiver) = oneshot::channel();
    sender.send(Grenade).unwrap();
    assert!(goes_off(|| drop(receiver)));

    let (mut sender, receiver) = oneshot::channel::<Grenade>();
    let waiting = thread::spawn(move || {
        sender.closed();
        sender.is_closed()
    });
    drop(receiver);
    assert!(waiting.join().unwrap());
}

#[fibra::test]
fn a_value_that_is_replaced_under_a_lock_poisons_it_and_is_replaced() {
    let (mutex, rwlock) = (Mutex::new(Some(Grenade)), RwLock::new(Some(Grenade)));
    assert!(goes_off(|| *mutex.lock().unwrap() = None));
    assert!(goes_off(|| *rwlock.write().unwrap() = None));
    assert!(mutex.lock().unwrap_err().into_inner().is_none());
    assert!(rwlock.read().unwrap_err().into_inner().is_none());
}

#[fibra::test]
fn a_value_that_somebody_else_was_faster_than_leaves_the_first() {
    let lock = Arc::new(OnceLock::new());
    assert!(lock.set(None).is_ok());
    assert!(goes_off(|| drop(lock.set(Some(Grenade)))));
    assert!(lock.get().unwrap().is_none());
}
