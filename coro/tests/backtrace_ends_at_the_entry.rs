//! A backtrace on a stack of fibra's shows what runs there, and ends at the entry: it neither runs off the top of the
//! stack nor into whoever resumed it.

use fibra_coro::{Coroutine, Resumed, Suspender};
use std::backtrace::Backtrace;

#[inline(never)]
fn innermost(suspender: &Suspender<(), String>) {
    suspender.suspend(Backtrace::force_capture().to_string());
}

fn body(suspender: &Suspender<(), String>, _: ()) {
    innermost(suspender);
}

#[inline(never)]
fn resumes_it() -> String {
    let mut coroutine = Coroutine::new(body).unwrap();
    // The neighbour's guard begins where this one's stack ends: reading past the top would be a fault.
    let _neighbour = Coroutine::new(body).unwrap();
    match coroutine.resume(()) {
        Resumed::Yielded(text) => text,
        Resumed::Returned(()) => unreachable!("it yields first"),
    }
}

#[test]
fn it_shows_the_body_and_not_the_resumer() {
    let text = resumes_it();
    assert!(text.contains("innermost"), "{text}");
    assert!(text.contains("entry"), "{text}");
    assert!(!text.contains("resumes_it"), "{text}");
    let last = text.lines().rfind(|line| !line.trim_start().starts_with("at ")).unwrap();
    assert!(last.contains("::start"), "{text}");
}

#[test]
fn a_panic_message_has_one_too() {
    // The default hook walks the stack, and would not come back from a broken one.
    let mut coroutine = Coroutine::new(|_: &Suspender<(), ()>, ()| panic!("with a backtrace")).unwrap();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| coroutine.resume(())));
    assert!(result.is_err());
}
