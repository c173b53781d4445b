//! `timers`: what a timer costs that is cancelled before it is due, as nearly all timeouts are.
//!
//! A million sleeps are made and polled once, which hands them to the runtime's timers; then they are dropped, the
//! oldest first. So all of them are in place at once. The first time does not count: memory comes from the kernel then.
//!
//! The sleeps last 30 s each, as the timeouts of a service mostly have one length, or with `spread_s` from 30 s to so
//! much longer, scattered. The waker that they are polled with is the same plain one for everybody: it stands for those
//! of many tasks (glommio counts a task's wakers in 16 bits).
//!
//! One timer that is due earlier is in place before, and the runtime has seen it: in a program that runs there mostly is
//! one. A timer that is earlier than all others can cost more, since somebody may have to be woken up for it.
//!
//! A green thread has one timer at a time; `channel-request` has a case with time limits for it.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};
use crate::stopwatch::Stopwatch;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "timers",
    about: "a timer that is started and cancelled, with so many in place at once",
    reference: "tokio",
    cases: &[
        Case::new(&[("timers", 1_000_000), ("workers", 1)]),
        Case::full(&[("timers", 1_000_000), ("spread_s", 60), ("workers", 1)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[target("tokio"), target("compio"), target("glommio"), target("Go")],
};

/// What is wanted is half of the best peer, whichever that is.
const fn target(peer: &'static str) -> Target {
    Target {
        subject: "fibra future",
        metric: "time",
        applies: |case| case.find("spread_s").is_none(),
        against: Against::Subject(peer),
        limit: Limit::AtMost(0.5),
    }
}

/// When the timer is due that is in place all the time.
const EARLIER: Duration = Duration::from_secs(20);

/// What the root task sleeps for, so that the runtime looks at its timers.
const TURN: Duration = Duration::from_millis(2);

/// How many timers there are, and how long they would run.
#[derive(Clone, Copy)]
struct Timers {
    count: usize,
    spread: Duration,
}

impl Timers {
    fn new(case: &Case) -> Self {
        let spread = Duration::from_secs(case.find("spread_s").unwrap_or(0));
        Self { count: case.count("timers"), spread }
    }

    /// How long the timer with this number would run.
    fn delay(self, number: usize) -> Duration {
        const LEAST: Duration = Duration::from_secs(30);
        // Without the sum, whose 128-bit arithmetic would be a part of what is measured.
        if self.spread.is_zero() { LEAST } else { LEAST + scattered(number, self.spread) }
    }

    /// What the root task does: starts the timers and cancels them. `sleep` makes one.
    async fn start_and_cancel<S: Future>(self, sleep: impl Fn(Duration) -> S) -> Vec<Measurement> {
        let waker = Waker::from(Arc::new(Nobody));
        let mut earlier = pin!(sleep(EARLIER));
        assert!(earlier.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "it is not due yet");
        sleep(TURN).await;
        let mut context = Context::from_waker(&waker);
        let mut sleeps = Vec::with_capacity(self.count);
        let mut start_all = |sleeps: &mut Vec<S>| {
            for number in 0..self.count {
                sleeps.push(sleep(self.delay(number)));
                let sleep = sleeps.last_mut().expect("just pushed");
                // SAFETY: the vector has room for all of them, so that none is moved until it drops them in place.
                let sleep = unsafe { Pin::new_unchecked(sleep) };
                assert!(sleep.poll(&mut context).is_pending(), "none is due yet");
            }
        };
        start_all(&mut sleeps);
        sleeps.clear();
        let since = Stopwatch::start();
        start_all(&mut sleeps);
        let (start, since_start) = (since.stop(), Stopwatch::start());
        sleeps.clear();
        let (cancel, both) = (since_start.stop(), since.stop());
        let each = |time: Duration| time.as_nanos() as f64 / self.count as f64;
        let mut measurements = both.per(self.count, "timer");
        measurements.push(Measurement::new("start", each(start.wall), "ns/timer"));
        measurements.push(Measurement::new("cancel", each(cancel.wall), "ns/timer"));
        measurements
    }
}

/// A stretch between none and `at_most` for this number: they scatter evenly, and are the same in every sample.
pub fn scattered(number: usize, at_most: Duration) -> Duration {
    let fraction = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Duration::from_nanos(((at_most.as_nanos() * u128::from(fraction)) >> 32) as u64)
}

/// Whom the timers would wake.
struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}
