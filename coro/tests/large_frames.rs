//! A function may have a frame as large as the stack allows, in one step, and it may unwind from there.

use fibra_coro::{Coroutine, Resumed, Suspender};
use std::hint::black_box;
use std::panic::{self, AssertUnwindSafe};

const FRAME: usize = 256 * 1024;

/// Touches its frame at the far end only.
#[inline(never)]
fn with_a_large_frame(value: u8, then: impl FnOnce()) -> u8 {
    let mut frame = [0_u8; FRAME];
    black_box(&mut frame)[0] = value;
    then();
    black_box(&frame)[0]
}

#[test]
fn on_a_fresh_stack_and_on_a_used_one() {
    for turn in 0..3 {
        let body =
            move |suspender: &Suspender<(), ()>, ()| with_a_large_frame(turn, || suspender.suspend(()));
        let mut coroutine = Coroutine::with_stack_size(512 * 1024, body).unwrap();
        assert_eq!(coroutine.resume(()), Resumed::Yielded(()));
        assert_eq!(coroutine.resume(()), Resumed::Returned(turn));
    }
}

#[test]
fn a_panic_leaves_it() {
    for _ in 0..3 {
        let body = |_: &Suspender<(), ()>, ()| with_a_large_frame(1, || panic!("from far below"));
        let mut coroutine = Coroutine::with_stack_size(512 * 1024, body).unwrap();
        let caught = panic::catch_unwind(AssertUnwindSafe(|| coroutine.resume(())));
        assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "from far below");
    }
}

#[test]
fn others_go_on_below_it_after_a_switch() {
    let body = |suspender: &Suspender<(), ()>, ()| {
        with_a_large_frame(1, || {
            suspender.suspend(());
            assert_eq!(with_a_large_frame(2, || suspender.suspend(())), 2);
        })
    };
    let mut coroutines = [(); 3].map(|()| Coroutine::with_stack_size(1024 * 1024, body).unwrap());
    for _ in 0..2 {
        for coroutine in &mut coroutines {
            assert_eq!(coroutine.resume(()), Resumed::Yielded(()));
        }
    }
    for coroutine in &mut coroutines {
        assert_eq!(coroutine.resume(()), Resumed::Returned(1));
    }
}
