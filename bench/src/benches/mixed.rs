//! `mixed`: tasks that compute beside tasks that have to be in time.
//!
//! *Jobs* compute for a while, yield, and go on so, which keeps every worker busy. *Tickers* sleep until the next
//! millisecond of theirs, again and again, and note how late it was when they got on. Every tick counts: one that passed
//! while its ticker was still waiting for the last one is as late as it is, and is not left out. The figure is the
//! distribution of the lateness of all ticks; `work` says how much the jobs got done meanwhile, so that nobody wins by
//! letting them starve.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};
use crate::work;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "mixed",
    about: "how late tasks wake up that sleep for a millisecond at a time, beside jobs that compute between yields",
    reference: "tokio",
    cases: &[
        Case::new(&[("jobs", 4), ("microseconds", 2_000), ("tickers", 20), ("workers", 2)]),
        Case::new(&[("jobs", 4), ("microseconds", 100), ("tickers", 20), ("workers", 2)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[no_later_than_tokio("fibra thread"), no_later_than_tokio("fibra future")],
};

const fn no_later_than_tokio(subject: &'static str) -> Target {
    Target {
        subject,
        metric: "p99",
        applies: |_| true,
        against: Against::Subject("tokio"),
        limit: Limit::AtMost(1.0),
    }
}

/// From one tick of a ticker to its next.
const PERIOD: Duration = Duration::from_millis(1);

/// Ticks of each ticker in one sample.
const TICKS: u32 = 1_000;

/// Jobs end by themselves after this long. That is five times what a sample should take: where the tickers get on
/// only then, it shows as their lateness.
const PATIENCE: Duration = Duration::from_secs(5);

/// What all tasks of a sample share.
struct Scene {
    began: Instant,
    jobs: usize,
    tickers: u32,
    /// What a job computes between two yields.
    microseconds: u64,
    over: AtomicBool,
    rounds: AtomicUsize,
}

impl Scene {
    /// Called by the root task, which then spawns so many jobs and tickers.
    fn new(case: &Case) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            jobs: case.count("jobs"),
            tickers: case.get("tickers") as u32,
            microseconds: case.get("microseconds"),
            over: AtomicBool::new(false),
            rounds: AtomicUsize::new(0),
        })
    }

    /// One round of a job. `true`: yield and do another one.
    fn compute(&self) -> bool {
        work::compute(self.microseconds);
        self.rounds.fetch_add(1, Relaxed);
        !self.over.load(Relaxed) && self.began.elapsed() < PATIENCE
    }

    /// Has the jobs end, and sums up what the tickers noted, which have all ended.
    fn end(&self, tickers: Vec<Ticks>) -> Vec<Measurement> {
        self.over.store(true, Relaxed);
        let rounds = self.rounds.load(Relaxed) as f64 / self.began.elapsed().as_secs_f64();
        let mut late = Histogram::<u64>::new(3).expect("three digits are a precision");
        for ticks in tickers {
            for lateness in ticks.late {
                late += lateness.as_nanos() as u64;
            }
        }
        let at = |quantile: f64| late.value_at_quantile(quantile) as f64 / 1e6;
        vec![
            Measurement::new("p99", at(0.99), "ms"),
            Measurement::new("p50", at(0.5), "ms"),
            Measurement::new("p99.9", at(0.999), "ms"),
            Measurement::new("work", rounds, "rounds/s"),
        ]
    }
}

/// The ticks of one ticker.
struct Ticks {
    next: Instant,
    late: Vec<Duration>,
}

impl Ticks {
    /// Those of the ticker with this number: they lie between the others'.
    fn new(scene: &Scene, number: u32) -> Self {
        let first = scene.began + PERIOD + PERIOD * number / scene.tickers;
        Self { next: first, late: Vec::with_capacity(TICKS as usize) }
    }

    /// When the next tick is due, if there is another.
    fn due(&self) -> Option<Instant> {
        (self.late.len() < TICKS as usize).then_some(self.next)
    }

    /// The ticker has slept until the tick was due.
    fn note(&mut self) {
        let late = Instant::now().checked_duration_since(self.next);
        self.late.push(late.expect("nobody wakes up early"));
        self.next += PERIOD;
    }
}
