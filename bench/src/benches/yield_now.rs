//! `yield`: what it costs a task to let the others run.
//!
//! So many tasks, each of which yields in a loop. Counting starts when the last of them has begun and ends when the
//! last has done its share ([`Gathering`]). Before they yield uncounted; who has done its share goes on yielding, and
//! that is counted too, since not every scheduler lets all tasks get on evenly. So neither spawning nor ending is a
//! part of the figure.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};
use crate::stopwatch::{Span, Stopwatch};

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "yield",
    about: "every task yields in a loop; the time from one yield to the next, divided by the number of tasks",
    reference: "tokio",
    cases: &[
        Case::new(&[("tasks", 2), ("workers", 1)]),
        Case::new(&[("tasks", 1_000), ("workers", 1)]),
        Case::new(&[("tasks", 100_000), ("workers", 1)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[
        Target {
            subject: "fibra thread",
            metric: "time",
            applies: |case| case.get("tasks") == 1_000,
            against: Against::Subject("compio"),
            limit: Limit::AtMost(1.0),
        },
        Target {
            subject: "fibra thread",
            metric: "time",
            applies: |case| case.get("tasks") == 100_000,
            against: Against::Case("fibra thread", |case| case.get("tasks") == 1_000),
            limit: Limit::AtMost(1.5),
        },
    ],
};

/// Counted yields of all tasks together in one sample, at least.
const YIELDS: usize = 2_000_000;

/// Counted yields of each task, at least: at the edges of the counted stretch up to two more may lie on the wrong side.
const YIELDS_EACH: usize = 50;

/// Finds the stretch in which all tasks are under way: from the last arrival to the last departure.
struct Gathering {
    tasks: usize,
    /// What each task's share is.
    yields_each: usize,
    arrived: AtomicUsize,
    departed: AtomicUsize,
    yields: AtomicUsize,
    begin: OnceLock<Stopwatch>,
    span: Mutex<Option<Span>>,
}

impl Gathering {
    fn new(case: &Case) -> Arc<Self> {
        let tasks = case.count("tasks");
        Arc::new(Self {
            tasks,
            yields_each: (YIELDS / tasks).max(YIELDS_EACH),
            arrived: AtomicUsize::new(0),
            departed: AtomicUsize::new(0),
            yields: AtomicUsize::new(0),
            begin: OnceLock::new(),
            span: Mutex::new(None),
        })
    }

    fn arrive(&self) {
        if self.arrived.fetch_add(1, Relaxed) + 1 == self.tasks {
            assert!(self.begin.set(Stopwatch::start()).is_ok(), "only one task arrives last");
        }
    }

    fn all_have_arrived(&self) -> bool {
        self.begin.get().is_some()
    }

    fn all_have_departed(&self) -> bool {
        self.departed.load(Relaxed) == self.tasks
    }

    fn depart(&self) {
        if self.departed.fetch_add(1, Relaxed) + 1 == self.tasks {
            let begin = self.begin.get().expect("departures come after the last arrival");
            *self.span.lock().expect("nobody panics while holding it") = Some(begin.stop());
        }
    }

    fn count(&self, yields: usize) {
        self.yields.fetch_add(yields, Relaxed);
    }

    /// What was measured, once every task has ended.
    fn measurements(&self) -> Vec<Measurement> {
        let span =
            self.span.lock().expect("nobody panics while holding it").expect("every task has departed");
        span.per(self.yields.load(Relaxed), "yield")
    }
}

/// What each task in direct style does; `yield_now` lets the others run.
fn yielding(gathering: &Gathering, yield_now: impl Fn()) {
    gathering.arrive();
    while !gathering.all_have_arrived() {
        yield_now();
    }
    for _ in 0..gathering.yields_each {
        yield_now();
    }
    gathering.depart();
    let mut more = 0;
    while !gathering.all_have_departed() {
        yield_now();
        more += 1;
    }
    gathering.count(gathering.yields_each + more);
}

/// What each task does that is a future.
async fn yielding_async<F: Future>(gathering: Arc<Gathering>, yield_now: impl Fn() -> F) {
    gathering.arrive();
    while !gathering.all_have_arrived() {
        yield_now().await;
    }
    for _ in 0..gathering.yields_each {
        yield_now().await;
    }
    gathering.depart();
    let mut more = 0;
    while !gathering.all_have_departed() {
        yield_now().await;
        more += 1;
    }
    gathering.count(gathering.yields_each + more);
}
