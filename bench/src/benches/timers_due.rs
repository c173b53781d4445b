//! `timers-due`: what a timer costs that fires, and how late it is.
//!
//! 100,000 tasks sleep once each, until moments scattered over one second. That second begins half a second after
//! the first spawn, so that all of them sleep by then. `cpu` is the whole life of such a task, from its spawn to its
//! end; `firing` is what is spent within the second. Lateness is what a task itself sees after it has slept; `early`
//! counts those that found themselves awake too soon.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};
use crate::stopwatch::Stopwatch;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "timers-due",
    about: "a task that sleeps once; so many wake up at moments scattered over one second",
    reference: "tokio",
    cases: &[
        Case::new(&[("timers", 100_000), ("workers", 1)]),
        Case::full(&[("timers", 100_000), ("workers", 2)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[
        target("fibra thread", "cpu", Against::Subject("tokio"), 1.0),
        target("fibra future", "cpu", Against::Subject("tokio"), 1.0),
        target("fibra thread", "p99", Against::Nothing, 1.2),
        target("fibra future", "p99", Against::Nothing, 1.2),
        target("fibra thread", "early", Against::Nothing, 0.0),
        target("fibra future", "early", Against::Nothing, 0.0),
    ],
};

const fn target(subject: &'static str, metric: &'static str, against: Against, at_most: f64) -> Target {
    Target { subject, metric, applies: |_| true, against, limit: Limit::AtMost(at_most) }
}

/// From the first spawn to the first moment that somebody sleeps until.
const LEAD: Duration = Duration::from_millis(500);

/// From the first such moment to the last one.
const SPREAD: Duration = Duration::from_secs(1);

/// When everybody is to wake up, and when they did.
struct Alarms {
    timers: usize,
    first: Instant,
    spawning_since: Stopwatch,
    asleep: AtomicUsize,
    early: AtomicUsize,
    late_nanoseconds: Box<[AtomicU64]>,
}

impl Alarms {
    /// Called by the root task, right before the first spawn.
    fn new(timers: usize) -> Arc<Self> {
        Arc::new(Self {
            timers,
            first: Instant::now() + LEAD,
            spawning_since: Stopwatch::start(),
            asleep: AtomicUsize::new(0),
            early: AtomicUsize::new(0),
            late_nanoseconds: (0..timers).map(|_| AtomicU64::new(0)).collect(),
        })
    }

    /// When the task with this number is to wake up: scattered, but the same in every sample.
    fn due(&self, number: usize) -> Instant {
        let scattered = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        self.first + Duration::from_nanos(scattered * SPREAD.as_nanos() as u64 >> 32)
    }

    /// Called by a task that is about to sleep.
    fn falls_asleep(&self) {
        self.asleep.fetch_add(1, Relaxed);
    }

    /// How long the task with this number, which is about to sleep, has to.
    fn falls_asleep_for(&self, number: usize) -> Duration {
        self.falls_asleep();
        self.due(number).saturating_duration_since(Instant::now())
    }

    /// Called by a task that has slept.
    fn wakes_up(&self, number: usize) {
        let (now, due) = (Instant::now(), self.due(number));
        if now < due {
            self.early.fetch_add(1, Relaxed);
        }
        let late = now.saturating_duration_since(due);
        self.late_nanoseconds[number].store(late.as_nanos() as u64, Relaxed);
    }

    /// Called by the root task, which has slept until the first of the moments.
    fn begin(&self) -> Stopwatch {
        assert_eq!(self.asleep.load(Relaxed), self.timers, "within {LEAD:?} every task falls asleep");
        Stopwatch::start()
    }

    /// What was measured, once all tasks have ended.
    fn measurements(&self, firing_since: Stopwatch) -> Vec<Measurement> {
        let each = |stopwatch: Stopwatch| stopwatch.stop().cpu.as_nanos() as f64 / self.timers as f64;
        let mut late = Histogram::<u64>::new(3).expect("three digits are a precision");
        for nanoseconds in &self.late_nanoseconds {
            late += nanoseconds.load(Relaxed);
        }
        let milliseconds = |nanoseconds: u64| nanoseconds as f64 / 1e6;
        vec![
            Measurement::new("cpu", each(self.spawning_since), "ns/timer"),
            Measurement::new("firing", each(firing_since), "ns/timer"),
            Measurement::new("p50", milliseconds(late.value_at_quantile(0.5)), "ms"),
            Measurement::new("p99", milliseconds(late.value_at_quantile(0.99)), "ms"),
            Measurement::new("max", milliseconds(late.max()), "ms"),
            Measurement::new("early", self.early.load(Relaxed) as f64, "tasks"),
        ]
    }
}
