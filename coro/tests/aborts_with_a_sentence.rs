//! What can't be undone ends the process with a sentence; what can be, doesn't.

use fibra_coro::{Coroutine, Resumed, Suspender};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

mod child;

fn main() -> ExitCode {
    child::run_tests(&[
        ("dropping_a_suspended_one_calls_no_panic_hook", dropping_a_suspended_one_calls_no_panic_hook),
        ("a_body_that_never_lets_go_aborts_the_process", a_body_that_never_lets_go_aborts_the_process),
        ("resuming_while_panicking_aborts_with_a_sentence", resuming_while_panicking_aborts_with_a_sentence),
        (
            "suspending_while_panicking_aborts_with_a_sentence",
            suspending_while_panicking_aborts_with_a_sentence,
        ),
    ])
}

/// Does something while the thread is unwinding.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn dropping_a_suspended_one_calls_no_panic_hook() {
    static CALLED: AtomicUsize = AtomicUsize::new(0);
    let outcome = child::run(|| {
        panic::set_hook(Box::new(|_| {
            CALLED.fetch_add(1, Ordering::Relaxed);
        }));
        let mut coroutine =
            Coroutine::new(|suspender: &Suspender<(), ()>, ()| suspender.suspend(())).unwrap();
        assert_eq!(coroutine.resume(()), Resumed::Yielded(()));
        drop(coroutine);
        assert_eq!(CALLED.load(Ordering::Relaxed), 0);
    });
    assert!(outcome.status.success(), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
}

fn a_body_that_never_lets_go_aborts_the_process() {
    let outcome = child::run(|| {
        let mut coroutine = Coroutine::new(|suspender: &Suspender<(), ()>, ()| {
            loop {
                let _ = panic::catch_unwind(AssertUnwindSafe(|| suspender.suspend(())));
            }
        })
        .unwrap();
        let _: Resumed<(), ()> = coroutine.resume(());
        drop(coroutine);
    });
    assert!(outcome.aborted(), "{outcome:?}");
    assert!(outcome.stderr.contains("catches its unwinding again and again"), "{outcome:?}");
}

fn resuming_while_panicking_aborts_with_a_sentence() {
    let outcome = child::run(|| {
        let mut coroutine = Coroutine::new(|_: &Suspender<(), ()>, ()| ()).unwrap();
        let _resumes = OnDrop(move || assert_eq!(coroutine.resume(()), Resumed::Returned(())));
        panic!("first");
    });
    assert!(outcome.aborted(), "{outcome:?}");
    assert!(outcome.stderr.contains("a coroutine was resumed while its thread was panicking"), "{outcome:?}");
}

fn suspending_while_panicking_aborts_with_a_sentence() {
    let outcome = child::run(|| {
        let mut coroutine = Coroutine::new(|suspender: &Suspender<(), ()>, ()| {
            let _suspends = OnDrop(|| suspender.suspend(()));
            panic!("first");
        })
        .unwrap();
        let _: Resumed<(), ()> = coroutine.resume(());
    });
    assert!(outcome.aborted(), "{outcome:?}");
    assert!(outcome.stderr.contains("a coroutine was suspended while it was panicking"), "{outcome:?}");
}
