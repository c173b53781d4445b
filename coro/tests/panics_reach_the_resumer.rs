//! A panic in a coroutine is the resumer's panic, payload and all.
#![allow(
    clippy::missing_const_for_thread_local,
    reason = "it is; where thread-locals have no segment of their own the lint is wrong"
)]

use fibra_coro::{Coroutine, Resumed, Suspender};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

#[test]
fn the_payload_arrives_unchanged() {
    let mut coroutine = Coroutine::new(|_: &Suspender<(), ()>, ()| panic::panic_any(42_u64)).unwrap();
    let payload = panic::catch_unwind(AssertUnwindSafe(|| coroutine.resume(()))).unwrap_err();
    assert_eq!(*payload.downcast::<u64>().unwrap(), 42);
    assert!(coroutine.has_ended());
}

#[test]
fn it_crosses_every_coroutine_in_between_and_drops_what_lives_there() {
    let token = Arc::new(());
    let held = Arc::clone(&token);
    let mut outer = Coroutine::new(move |_: &Suspender<(), ()>, ()| {
        let _held = held;
        let mut inner = Coroutine::new(|suspender: &Suspender<(), ()>, ()| {
            suspender.suspend(());
            panic!("from the innermost");
        })
        .unwrap();
        assert_eq!(inner.resume(()), Resumed::Yielded(()));
        let _ = inner.resume(());
    })
    .unwrap();
    let payload = panic::catch_unwind(AssertUnwindSafe(|| outer.resume(()))).unwrap_err();
    assert_eq!(*payload.downcast::<&str>().unwrap(), "from the innermost");
    assert_eq!(Arc::strong_count(&token), 1);
    assert!(!std::thread::panicking());
}

#[test]
fn a_caught_one_leaves_the_coroutine_usable() {
    let mut coroutine = Coroutine::new(|suspender: &Suspender<u32, u32>, first| {
        let caught = panic::catch_unwind(AssertUnwindSafe(|| {
            suspender.suspend(first);
            panic!("caught inside");
        }));
        assert!(caught.is_err());
        suspender.suspend(first + 1)
    })
    .unwrap();
    assert_eq!(coroutine.resume(1), Resumed::Yielded(1));
    assert_eq!(coroutine.resume(0), Resumed::Yielded(2));
    assert_eq!(coroutine.resume(7), Resumed::Returned(7));
}

#[test]
fn a_coroutine_that_has_ended_says_so() {
    let mut coroutine = Coroutine::new(|_: &Suspender<(), ()>, ()| ()).unwrap();
    assert_eq!(coroutine.resume(()), Resumed::Returned(()));
    let payload = panic::catch_unwind(AssertUnwindSafe(|| coroutine.resume(()))).unwrap_err();
    assert_eq!(*payload.downcast::<&str>().unwrap(), "a coroutine that has ended can't be resumed");
}

#[test]
fn suspending_on_a_foreign_stack_is_refused() {
    thread_local!(static OUTER: std::cell::Cell<*const Suspender<(), ()>> = const { std::cell::Cell::new(std::ptr::null()) });
    let mut outer = Coroutine::new(|suspender: &Suspender<(), ()>, ()| {
        OUTER.set(suspender);
        let mut inner = Coroutine::new(|_: &Suspender<(), ()>, ()| {
            // SAFETY: the outer body, which owns it, is running: it has resumed us.
            unsafe { &*OUTER.get() }.suspend(());
        })
        .unwrap();
        let _ = inner.resume(());
    })
    .unwrap();
    let payload = panic::catch_unwind(AssertUnwindSafe(|| outer.resume(()))).unwrap_err();
    assert_eq!(*payload.downcast::<&str>().unwrap(), "a coroutine suspends on its own stack");
}
