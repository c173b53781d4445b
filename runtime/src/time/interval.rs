//! Ticks.

use super::{Sleep, after, sleep_until};
use crate::{scheduler::clock, wait::wait};
use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

/// What an [`Interval`] does when its owner came too late for one tick or more.
///
/// ```
/// # use std::time::Duration;
/// let mut ticks = fibra::time::interval(Duration::from_millis(10));
/// ticks.set_missed_ticks(fibra::time::MissedTicks::Skip);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissedTicks {
    /// Makes them up at once, one after another, until it is in time again. The default.
    #[default]
    Burst,
    /// Starts anew: the next tick is a period after the late one.
    Delay,
    /// Leaves them out: the next tick is the next multiple of the period.
    Skip,
}

/// Ticks every `period`; the first tick is now.
///
/// # Panics
///
/// If `period` is zero.
///
/// ```
/// use std::time::{Duration, Instant};
/// fibra::run(|| {
///     let start = Instant::now();
///     let mut ticks = fibra::time::interval(Duration::from_millis(1));
///     for _ in 0..3 {
///         ticks.tick();
///     }
///     assert!(start.elapsed() >= Duration::from_millis(2));
/// });
/// ```
pub fn interval(period: Duration) -> Interval {
    interval_at(clock::now(), period)
}

/// The same, with the first tick at `start`.
///
/// ```
/// # use std::time::{Duration, Instant};
/// let start = Instant::now();
/// let mut ticks = fibra::time::interval_at(start, Duration::from_secs(1));
/// assert_eq!(ticks.tick(), start);
/// ```
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval's period must not be zero");
    Interval { period, sleep: sleep_until(start), missed: MissedTicks::default() }
}

/// See [`interval`].
#[derive(Debug)]
pub struct Interval {
    period: Duration,
    sleep: Sleep,
    missed: MissedTicks,
}

impl Interval {
    /// Waits for the next tick; returns when it was due.
    ///
    /// # Cancellation
    ///
    /// A cancellation point while it waits. The tick is not lost by it.
    pub fn tick(&mut self) -> Instant {
        wait(self.tick_async())
    }

    /// The same for futures.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no tick.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let mut ticks = fibra::time::interval(Duration::from_millis(1));
    /// fibra::wait(async { ticks.tick_async().await });
    /// ```
    pub fn tick_async(&mut self) -> impl Future<Output = Instant> + Send + '_ {
        poll_fn(|context| self.poll_tick(context))
    }

    /// The same for those who poll by hand.
    pub fn poll_tick(&mut self, context: &mut Context<'_>) -> Poll<Instant> {
        ready!(Pin::new(&mut self.sleep).poll(context));
        let due = self.sleep.deadline();
        self.sleep.reset(self.missed.next(due, clock::now(), self.period));
        Poll::Ready(due)
    }

    /// Has the next tick come a whole period from now.
    pub fn reset(&mut self) {
        self.sleep.reset(after(clock::now(), self.period));
    }

    /// What happens to ticks that were missed.
    pub fn set_missed_ticks(&mut self, missed: MissedTicks) {
        self.missed = missed;
    }

    /// The period.
    pub fn period(&self) -> Duration {
        self.period
    }
}

/// The ticks, for ever. Needs the feature `stream`.
///
/// ```
/// use futures_util::StreamExt;
/// use std::time::Duration;
/// let ticks = fibra::time::interval(Duration::from_millis(1));
/// assert_eq!(fibra::wait(ticks.take(3).collect::<Vec<_>>()).len(), 3);
/// ```
#[cfg(feature = "stream")]
impl futures_core::Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(context).map(Some)
    }
}

impl MissedTicks {
    /// When the tick after the one that was `due` comes, if that was noticed at `now`.
    fn next(self, due: Instant, now: Instant, period: Duration) -> Instant {
        let regular = after(due, period);
        match self {
            Self::Burst => regular,
            _ if now < regular => regular,
            Self::Delay => after(now, period),
            Self::Skip => {
                let into_period = now.duration_since(due).as_nanos() % period.as_nanos();
                after(now, period - Duration::from_nanos(u64::try_from(into_period).unwrap_or(0)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_ticks_burst_are_delayed_or_skipped() {
        let (due, period) = (Instant::now(), Duration::from_millis(10));
        let at = |millis| due + Duration::from_millis(millis);
        for behaviour in [MissedTicks::Burst, MissedTicks::Delay, MissedTicks::Skip] {
            assert_eq!(behaviour.next(due, at(3), period), at(10), "{behaviour:?} in time");
        }
        assert_eq!(MissedTicks::Burst.next(due, at(37), period), at(10));
        assert!(MissedTicks::Burst.next(due, at(3), Duration::MAX) > at(37), "beyond the clock");
        assert_eq!(MissedTicks::Delay.next(due, at(37), period), at(47));
        assert_eq!(MissedTicks::Skip.next(due, at(37), period), at(40));
    }
}
