//! `switch`: what it costs to leave one stack and continue on another.
//!
//! A loop visits suspended coroutines one after the other; each goes back to the loop at once. A visit is two switches,
//! there and back, for every subject; the figure is the time of a visit halved. One word is handed over each way.
//!
//! What a switch keeps differs: corosensei leaves the floating-point control words alone, Boost.Context and fibra's
//! default keep them.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use std::hint::black_box;

use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};
use crate::stopwatch::Stopwatch;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "switch",
    about: "one switch between two stacks (a visit to a coroutine and back is two), the coroutines visited in turn",
    reference: "corosensei",
    cases: &[Case::new(&[("coroutines", 1)]), Case::new(&[("coroutines", 1_000)])],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[
        target("fibra switch_without_control_words", |case| case.get("coroutines") == 1, "corosensei", 1.0),
        target("fibra switch_without_control_words", |case| case.get("coroutines") > 1, "corosensei", 0.6),
        target("fibra switch", |_| true, "boost", 0.6),
    ],
};

const fn target(
    subject: &'static str,
    applies: fn(&Case) -> bool,
    peer: &'static str,
    at_most: f64,
) -> Target {
    let (against, limit) = (Against::Subject(peer), Limit::AtMost(at_most));
    Target { subject, metric: "time", applies, against, limit }
}

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
