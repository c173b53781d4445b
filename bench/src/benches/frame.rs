//! `frame`: what it costs to make a future in given memory, run it to its end, and let futures call each other.
//!
//! So many `async` functions call each other, as a recursion does. The innermost suspends itself, is resumed so often, and then all return.
//! With one resumption that is the life of a frame, and the figure is for each of them. With many, it is what one resumption costs a
//! deep chain, and the figure is for each of those.
//!
//! Beside fibra's stand boxes, which is what one takes otherwise: a call there is `Box::pin(callee).await`. Nothing is spawned, and the waker
//! does nothing: this is about memory and polls alone.

mod boxed;
mod ours;

use std::hint::black_box;

use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};
use crate::stopwatch::Stopwatch;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "frame",
    about: "async functions that call each other to a depth, in given memory or boxed; for each frame, or for each resumption if there are many",
    reference: "boxed future",
    cases: &[
        Case::new(&[("depth", 1), ("resumptions", 1)]),
        Case::new(&[("depth", 100), ("resumptions", 1)]),
        Case::new(&[("depth", 10_000), ("resumptions", 1)]),
        Case::new(&[("depth", 100), ("resumptions", 10_000)]),
    ],
    subjects: &[ours::SUBJECTS, boxed::SUBJECTS],
    targets: &[
        target("fibra Frame", |case| case.get("depth") == 1, 1.0),
        target("fibra Arena", |case| case.get("resumptions") > 1, 0.1),
    ],
};

const fn target(subject: &'static str, applies: fn(&Case) -> bool, at_most: f64) -> Target {
    let (against, limit) = (Against::Subject("boxed future"), Limit::AtMost(at_most));
    Target { subject, metric: "time", applies, against, limit }
}

/// Frames and resumptions in one sample, together.
const STEPS: usize = 4_000_000;

/// What a chain is to do.
#[derive(Clone, Copy)]
struct Plan {
    depth: usize,
    resumptions: usize,
}

impl Plan {
    fn new(case: &Case) -> Self {
        Self { depth: case.count("depth"), resumptions: case.count("resumptions") }
    }

    /// Has chains `live` one after the other, and counts the time. Each returns its depth.
    fn measure(self, mut live: impl FnMut(Self) -> usize) -> Vec<Measurement> {
        let lives = STEPS / (self.depth + self.resumptions);
        assert_eq!(live(self), self.depth, "each frame has returned");
        let stopwatch = Stopwatch::start();
        for _ in 0..lives {
            black_box(live(black_box(self)));
        }
        let span = stopwatch.stop();
        if self.resumptions == 1 {
            span.per(lives * self.depth, "frame")
        } else {
            span.per(lives * self.resumptions, "resumption")
        }
    }
}
