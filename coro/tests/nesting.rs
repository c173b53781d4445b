//! Coroutines may resume coroutines, in any depth, and suspend from any depth of calls.

use fibra_coro::{Coroutine, Resumed, Suspender};

/// Yields `depth` from the bottom of that many coroutines, each of which passes on what the one below yields.
fn tower(depth: u32) -> Coroutine<u32, u32, u32> {
    let body = move |suspender: &Suspender<u32, u32>, mut input: u32| {
        if depth == 0 {
            return input + suspender.suspend(input);
        }
        let mut below = tower(depth - 1);
        loop {
            match below.resume(input) {
                Resumed::Yielded(value) => input = suspender.suspend(value + 1),
                Resumed::Returned(value) => return value + 1,
            }
        }
    };
    Coroutine::with_stack_size(64 * 1024, body).unwrap()
}

#[test]
fn a_thousand_coroutines_deep() {
    let mut coroutine = tower(1000);
    assert_eq!(coroutine.resume(5), Resumed::Yielded(1005));
    assert_eq!(coroutine.resume(7), Resumed::Returned(1012));
}

#[test]
fn a_thousand_calls_deep() {
    fn visit(depth: u32, suspender: &Suspender<(), u32>) -> u64 {
        if depth == 0 {
            return 0;
        }
        suspender.suspend(depth);
        let below = visit(depth - 1, suspender);
        suspender.suspend(depth);
        below + u64::from(depth)
    }
    let mut coroutine = Coroutine::new(|suspender: &Suspender<(), u32>, ()| visit(1000, suspender)).unwrap();
    for expected in (1..=1000).rev().chain(1..=1000) {
        assert_eq!(coroutine.resume(()), Resumed::Yielded(expected));
    }
    assert_eq!(coroutine.resume(()), Resumed::Returned(500_500));
}

#[test]
fn two_take_turns_and_keep_what_is_theirs() {
    fn counter(step: u64) -> Coroutine<(), u64, ()> {
        Coroutine::new(move |suspender: &Suspender<(), u64>, ()| {
            let mut values = [0_u64; 64];
            for turn in 0.. {
                for value in &mut values {
                    *value += step;
                }
                assert!(values.iter().all(|&value| value == (turn + 1) * step));
                suspender.suspend(values[63]);
            }
        })
        .unwrap()
    }
    let (mut ones, mut tens) = (counter(1), counter(10));
    for turn in 1..=10_000 {
        assert_eq!(ones.resume(()), Resumed::Yielded(turn));
        assert_eq!(tens.resume(()), Resumed::Yielded(10 * turn));
    }
}

#[test]
fn values_that_own_memory_are_moved_not_copied() {
    let mut coroutine = Coroutine::new(|suspender: &Suspender<String, String>, mut text: String| {
        for _ in 0..3 {
            text = suspender.suspend(text + "!");
        }
        text
    })
    .unwrap();
    assert_eq!(coroutine.resume("a".into()), Resumed::Yielded("a!".into()));
    assert_eq!(coroutine.resume("b".into()), Resumed::Yielded("b!".into()));
    assert_eq!(coroutine.resume("c".into()), Resumed::Yielded("c!".into()));
    assert_eq!(coroutine.resume("d".into()), Resumed::Returned("d".into()));
}
