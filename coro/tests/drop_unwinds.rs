//! Dropping a suspended coroutine drops what lives on its stack, without a word.

use fibra_coro::{Coroutine, Resumed, Suspender};
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::Arc;

/// How many calls deep a body is suspended.
const DEPTH: u32 = 50;

/// A coroutine that holds `token` once, and a clone in each of [`DEPTH`] calls, and is suspended there.
fn suspended_with<T: Clone + 'static>(token: T) -> Coroutine<(), (), ()> {
    fn descend<T: Clone>(depth: u32, token: &T, suspender: &Suspender<(), ()>) -> u32 {
        if depth == 0 {
            suspender.suspend(());
            return 0;
        }
        let _in_each_frame = token.clone();
        1 + descend(depth - 1, token, suspender)
    }
    let mut coroutine = Coroutine::new(move |suspender: &Suspender<(), ()>, ()| {
        assert_eq!(descend(DEPTH, &token, suspender), DEPTH);
    })
    .unwrap();
    assert_eq!(coroutine.resume(()), Resumed::Yielded(()));
    coroutine
}

#[test]
fn what_lives_on_the_stack_is_dropped() {
    let token = Rc::new(());
    let coroutine = suspended_with(Rc::clone(&token));
    assert_eq!(Rc::strong_count(&token), DEPTH as usize + 2);
    drop(coroutine);
    assert_eq!(Rc::strong_count(&token), 1);
}

#[test]
fn one_that_never_began_drops_its_body_only() {
    let token = Rc::new(());
    let held = Rc::clone(&token);
    drop(Coroutine::new(move |_: &Suspender<(), ()>, ()| drop(held)).unwrap());
    assert_eq!(Rc::strong_count(&token), 1);
}

#[test]
fn nested_ones_are_unwound_from_the_outside() {
    let token = Rc::new(());
    let held = Rc::clone(&token);
    let mut outer = Coroutine::new(move |suspender: &Suspender<(), ()>, ()| {
        let _inner = suspended_with(held);
        suspender.suspend(());
    })
    .unwrap();
    assert_eq!(outer.resume(()), Resumed::Yielded(()));
    drop(outer);
    assert_eq!(Rc::strong_count(&token), 1);
}

#[test]
fn it_works_while_the_thread_is_panicking() {
    let token = Arc::new(());
    let held = Arc::clone(&token);
    let caught = panic::catch_unwind(move || {
        let _coroutine = suspended_with(held);
        panic!("unwinds past a suspended coroutine");
    });
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "unwinds past a suspended coroutine");
    assert_eq!(Arc::strong_count(&token), 1);
    assert!(!std::thread::panicking());
}

#[test]
fn a_body_that_catches_the_unwinding_is_unwound_again() {
    let caught = Rc::new(Cell::new(0));
    let count = Rc::clone(&caught);
    let mut coroutine = Coroutine::new(move |suspender: &Suspender<(), ()>, ()| {
        for _ in 0..5 {
            let result = panic::catch_unwind(AssertUnwindSafe(|| suspender.suspend(())));
            count.set(count.get() + u32::from(result.is_err()));
        }
    })
    .unwrap();
    assert_eq!(coroutine.resume(()), Resumed::Yielded(()));
    drop(coroutine);
    assert_eq!(caught.get(), 5);
}

#[test]
fn a_panic_of_its_own_instead_reaches_whoever_drops() {
    let mut coroutine = Coroutine::new(|suspender: &Suspender<(), ()>, ()| {
        let _ = panic::catch_unwind(AssertUnwindSafe(|| suspender.suspend(())));
        panic!("instead");
    })
    .unwrap();
    let _: Resumed<(), ()> = coroutine.resume(());
    let payload = panic::catch_unwind(AssertUnwindSafe(|| drop(coroutine))).unwrap_err();
    assert_eq!(*payload.downcast::<&str>().unwrap(), "instead");
}

#[test]
fn a_forgotten_one_leaks_its_stack() {
    let token = Rc::new(());
    std::mem::forget(suspended_with(Rc::clone(&token)));
    assert_eq!(Rc::strong_count(&token), DEPTH as usize + 2);
    // Whoever gets the next stacks doesn't get that one: it would run over the forgotten frames.
    for _ in 0..100 {
        drop(suspended_with(()));
    }
    assert_eq!(Rc::strong_count(&token), DEPTH as usize + 2);
}
