//! `timers`: what a timer costs that is cancelled before it is due, as nearly all timeouts are.
//!
//! A million sleeps of 10 to 70 seconds are made and polled once, which hands them to the runtime's timers; then
//! they are dropped, the oldest first. So all of them are in place at once. Green threads sleep one at a time each: for
//! them, and for futures too, `timeouts` measures the short-lived ones.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};
use crate::stopwatch::Stopwatch;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "timers",
    about: "a timer that is started and cancelled, with so many in place at once",
    reference: "tokio",
    cases: &[Case::new(&[("timers", 1_000_000), ("workers", 1)])],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[Target {
        subject: "fibra future",
        metric: "time",
        applies: |_| true,
        against: Against::Subject("glommio"),
        limit: Limit::AtMost(0.5),
    }],
};

/// How long the timer with this number would run: scattered, but the same in every sample.
fn delay(number: usize) -> Duration {
    let scattered = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Duration::from_secs(10) + Duration::from_micros(scattered * 60_000_000 >> 32)
}

/// What the root task does: starts the timers and cancels them. `sleep` makes one.
async fn start_and_cancel<S: Future<Output: Send>>(
    timers: usize,
    sleep: impl Fn(Duration) -> S,
) -> Vec<Measurement> {
    let mut sleeps = Vec::with_capacity(timers);
    let since = Stopwatch::start();
    poll_fn(|context| {
        for number in 0..timers {
            sleeps.push(sleep(delay(number)));
            let sleep = sleeps.last_mut().expect("just pushed");
            // SAFETY: the vector has room for all of them, so that none is moved until the vector drops them in place.
            assert!(unsafe { Pin::new_unchecked(sleep) }.poll(context).is_pending(), "none is due yet");
        }
        Poll::Ready(())
    })
    .await;
    let (started, since_started) = (since.stop(), Stopwatch::start());
    drop(sleeps);
    let (cancelled, both) = (since_started.stop(), since.stop());
    let each = |time: Duration| time.as_nanos() as f64 / timers as f64;
    let mut measurements = both.per(timers, "timer");
    measurements.push(Measurement::new("start", each(started.wall), "ns/timer"));
    measurements.push(Measurement::new("cancel", each(cancelled.wall), "ns/timer"));
    measurements
}
