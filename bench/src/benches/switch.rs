//! `switch`: what it costs to leave one stack and continue on another.
//!
//! A loop visits suspended coroutines one after the other; each goes back to the loop at once. A visit is two switches,
//! there and back, for every subject; the figure is the time of a visit halved. One word is handed over each way.

use std::hint::black_box;

use corosensei::Coroutine;
use corosensei::stack::DefaultStack;

use crate::bench::{Bench, Case, Measurement, Subject};
use crate::stopwatch::Stopwatch;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "switch",
    about: "one switch between two stacks (a visit to a coroutine and back is two), the coroutines visited in turn",
    reference: "corosensei",
    cases: &[Case(&[("coroutines", 1)]), Case(&[("coroutines", 1_000)])],
    subjects: &[Subject::new("corosensei", "corosensei", corosensei_coroutine)],
};

/// Counted switches in one sample.
const SWITCHES: usize = 20_000_000;

/// The usable size of every subject's stacks: corosensei's default.
const STACK_SIZE: usize = 1024 * 1024;

/// Visits each of `coroutines` by turns and counts the time; `visit` goes there and back and returns the word it got.
fn visit_in_turn<C>(coroutines: &mut [C], mut visit: impl FnMut(&mut C, usize) -> usize) -> Vec<Measurement> {
    let rounds = SWITCHES / 2 / coroutines.len();
    let mut round = |word: usize| {
        for coroutine in &mut *coroutines {
            black_box(visit(coroutine, black_box(word)));
        }
    };
    round(0);
    let stopwatch = Stopwatch::start();
    for word in 0..rounds {
        round(word);
    }
    stopwatch.stop().per(rounds * coroutines.len() * 2, "switch")
}

fn corosensei_coroutine(case: &Case) -> Vec<Measurement> {
    let new = |_| {
        let stack = DefaultStack::new(STACK_SIZE).expect("a stack can be mapped");
        Coroutine::<usize, usize, ()>::with_stack(stack, |yielder, mut word| {
            loop {
                word = yielder.suspend(word);
            }
        })
    };
    let mut coroutines: Vec<_> = (0..case.count("coroutines")).map(new).collect();
    let measurements = visit_in_turn(&mut coroutines, |coroutine, word| {
        coroutine.resume(word).as_yield().expect("the coroutine never returns")
    });
    for coroutine in &mut coroutines {
        // SAFETY: the coroutine's frame owns nothing that a destructor would have to release.
        unsafe { coroutine.force_reset() };
    }
    measurements
}
