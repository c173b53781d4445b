//! `timers-due`: what a timer costs that fires, and how late it is.
//!
//! 100,000 tasks sleep once each, until moments scattered over one second. All of them wait for the last one to begin;
//! that second starts half a second later. Processor time is counted from there to the end of the last task: it holds a sleep's
//! start, its end, and the wake-up and end of its task, but no spawn. Lateness is what a task itself sees after it has
//! slept; `early` counts those that found themselves awake too soon, which fails fibra's samples.
//!
//! The precise subjects may be 10 µs late, instead of the half millisecond that fibra's timers may be late by default.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::timers::scattered;
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
        target("fibra thread, precise", "cpu", Against::Subject("smol"), 0.5),
        target("fibra future, precise", "cpu", Against::Subject("smol"), 0.5),
        target("fibra thread, precise", "p99", Against::Nothing, 0.05),
        target("fibra future, precise", "p99", Against::Nothing, 0.05),
    ],
};

const fn target(subject: &'static str, metric: &'static str, against: Against, at_most: f64) -> Target {
    Target { subject, metric, applies: |_| true, against, limit: Limit::AtMost(at_most) }
}

/// From the begin of the last task to the first moment that somebody sleeps until: enough to fall asleep.
const LEAD: Duration = Duration::from_millis(500);

/// From the first such moment to the last one.
const SPREAD: Duration = Duration::from_secs(1);

/// When everybody is to wake up, and when they did.
struct Alarms {
    timers: usize,
    waiting: Mutex<Vec<Waker>>,
    begin: OnceLock<Begin>,
    early: AtomicUsize,
    late_nanoseconds: Box<[AtomicU64]>,
}

/// What the last task to begin saw.
struct Begin {
    since: Stopwatch,
    first: Instant,
}

impl Alarms {
    fn new(case: &Case) -> Arc<Self> {
        let timers = case.count("timers");
        Arc::new(Self {
            timers,
            waiting: Mutex::new(Vec::with_capacity(timers)),
            begin: OnceLock::new(),
            early: AtomicUsize::new(0),
            late_nanoseconds: (0..timers).map(|_| AtomicU64::new(0)).collect(),
        })
    }

    /// What each task does first: waits for all to have begun. Then it knows when the task with this number is due.
    fn due(&self, number: usize) -> Due<'_> {
        Due { alarms: self, number, has_begun: false }
    }

    /// When the task with this number is due, if all have begun.
    fn find_due(&self, number: usize) -> Option<Instant> {
        self.begin.get().map(|begin| begin.first + scattered(number, SPREAD))
    }

    /// A task begins. If it is the last one, everybody else is woken up.
    fn one_begins(&self, waker: &Waker) {
        let mut waiting = self.waiting.lock().expect("nobody panics while holding it");
        waiting.push(waker.clone());
        if waiting.len() < self.timers {
            return;
        }
        let everybody = std::mem::take(&mut *waiting);
        drop(waiting);
        let begin = Begin { since: Stopwatch::start(), first: Instant::now() + LEAD };
        assert!(self.begin.set(begin).is_ok(), "only one task begins last");
        everybody.into_iter().for_each(Waker::wake);
    }

    /// Called by a task that has slept until it was due.
    fn wakes_up(&self, number: usize, due: Instant) {
        let now = Instant::now();
        if now < due {
            self.early.fetch_add(1, Relaxed);
        }
        let late = now.saturating_duration_since(due);
        self.late_nanoseconds[number].store(late.as_nanos() as u64, Relaxed);
    }

    /// What was measured, once all tasks have ended.
    fn measurements(&self) -> Vec<Measurement> {
        let span = self.begin.get().expect("all tasks have begun").since.stop();
        let mut late = Histogram::<u64>::new(3).expect("three digits are a precision");
        for nanoseconds in &self.late_nanoseconds {
            late += nanoseconds.load(Relaxed);
        }
        let milliseconds = |nanoseconds: u64| nanoseconds as f64 / 1e6;
        vec![
            Measurement::new("cpu", span.cpu.as_nanos() as f64 / self.timers as f64, "ns/timer"),
            Measurement::new("p50", milliseconds(late.value_at_quantile(0.5)), "ms"),
            Measurement::new("p99", milliseconds(late.value_at_quantile(0.99)), "ms"),
            Measurement::new("max", milliseconds(late.max()), "ms"),
            Measurement::new("early", self.early.load(Relaxed) as f64, "tasks"),
        ]
    }
}

/// See [`Alarms::due`].
struct Due<'a> {
    alarms: &'a Alarms,
    number: usize,
    has_begun: bool,
}

impl Future for Due<'_> {
    type Output = Instant;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Instant> {
        if !self.has_begun {
            self.has_begun = true;
            self.alarms.one_begins(context.waker());
        }
        self.alarms.find_due(self.number).map_or(Poll::Pending, Poll::Ready)
    }
}
