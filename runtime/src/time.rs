//! Time: sleeping, deadlines, and ticks.
//!
//! Nothing ends before its time. How much later: what the system needs to wake somebody up, and up to a sixteenth of the
//! time to wait, but no more than half a millisecond, so that many timers end together; for futures that wait a millisecond or
//! more, another 20 µs, which save a look at the clock. [`Builder::timer_slack`](crate::Builder::timer_slack) changes that.
//!
//! Of what waits here, [`timeout`] and [`timeout_at`] are direct, beside [`timeout_async`] and [`timeout_at_async`].
//! [`sleep`] and [`sleep_until`] are futures: green threads call [`thread::sleep`](crate::thread::sleep) and
//! [`thread::sleep_until`](crate::thread::sleep_until).
//!
//! Tests need not wait: [`pause`] stops the runtime's clock, and then it jumps to the next timer whenever nothing else is
//! left to do.

mod interval;
mod paused;
mod sleep;
mod timeout;

pub use interval::{Interval, MissedTicks, interval, interval_at};
pub use paused::{advance, now, pause, resume};
pub use sleep::{Sleep, sleep, sleep_until};
pub use std::time::{Duration, Instant};
pub use timeout::{Elapsed, Timeout, timeout, timeout_async, timeout_at, timeout_at_async};
pub(crate) use timeout::{deadline_here, inherit};

/// `now + duration`, or a moment beyond anybody's life if the clock can't say that.
pub(crate) fn after(now: Instant, duration: Duration) -> Instant {
    now.checked_add(duration).unwrap_or_else(|| now + Duration::from_secs(u32::MAX.into()))
}
