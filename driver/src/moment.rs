//! Points in time as timers count them.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A point in time: an [`Instant`] as a number of nanoseconds, from an origin that is the same for the whole process.
///
/// Sums, differences and comparisons are single instructions, where an `Instant` counts seconds and nanoseconds apart. Each
/// `Instant` within 292 years of the process's start is one, to the nanosecond; one beyond that becomes the first or the last.
///
/// ```
/// use fibra_driver::Moment;
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// let later = Moment::from(now).after(Duration::from_millis(1));
/// assert_eq!(Instant::from(later), now + Duration::from_millis(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

/// The first look at it makes it: an instant that was taken before is negative.
static ORIGIN: OnceLock<Instant> = OnceLock::new();

#[inline]
fn origin() -> Instant {
    *ORIGIN.get_or_init(Instant::now)
}

impl Moment {
    /// The moment that it is now, by the system's clock.
    ///
    /// ```
    /// use fibra_driver::Moment;
    /// assert!(Moment::now() <= Moment::now());
    /// ```
    #[inline]
    pub fn now() -> Self {
        Instant::now().into()
    }

    /// So much later; the last moment of all, if that can't be said.
    ///
    /// ```
    /// use fibra_driver::Moment;
    /// use std::time::Duration;
    /// assert!(Moment::now().after(Duration::MAX) > Moment::now().after(Duration::from_secs(3600)));
    /// ```
    #[inline]
    pub fn after(self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
        Self(self.0.saturating_add(seconds).saturating_add(i64::from(duration.subsec_nanos())))
    }

    /// So many nanoseconds later; the last moment of all, if that can't be said.
    ///
    /// ```
    /// use fibra_driver::Moment;
    /// use std::time::Duration;
    /// let now = Moment::now();
    /// assert_eq!(now.after_nanoseconds(7), now.after(Duration::from_nanos(7)));
    /// ```
    #[inline]
    pub const fn after_nanoseconds(self, nanoseconds: u64) -> Self {
        Self(self.0.saturating_add_unsigned(nanoseconds))
    }

    /// The time since `earlier`, in nanoseconds: none if that was later.
    ///
    /// ```
    /// use fibra_driver::Moment;
    /// use std::time::Duration;
    /// let now = Moment::now();
    /// assert_eq!(now.after(Duration::from_nanos(7)).nanoseconds_since(now), 7);
    /// assert_eq!(now.nanoseconds_since(now.after(Duration::from_nanos(7))), 0);
    /// ```
    #[inline]
    pub const fn nanoseconds_since(self, earlier: Self) -> u64 {
        if self.0 > earlier.0 { self.0.abs_diff(earlier.0) } else { 0 }
    }

    /// The nanoseconds since the origin.
    pub(crate) const fn to_number(self) -> i64 {
        self.0
    }

    pub(crate) const fn from_number(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }
}

impl From<Instant> for Moment {
    #[inline]
    fn from(time: Instant) -> Self {
        let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let origin = origin();
        Self(match time.checked_duration_since(origin) {
            Some(since) => nanoseconds(since),
            None => -nanoseconds(origin.duration_since(time)),
        })
    }
}

impl From<Moment> for Instant {
    fn from(Moment(nanoseconds): Moment) -> Self {
        let (origin, distance) = (origin(), Duration::from_nanos(nanoseconds.unsigned_abs()));
        let moved = if nanoseconds < 0 { origin.checked_sub(distance) } else { origin.checked_add(distance) };
        // A system whose clock can't say it has none that is so far away.
        moved.unwrap_or(origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instant_comes_back_as_it_was() {
        let start = Instant::now();
        for shift in 0..58 {
            let distance = Duration::from_nanos((1 << shift) + 1);
            let later = start + distance;
            assert_eq!(Instant::from(Moment::from(later)), later);
            if let Some(earlier) = start.checked_sub(distance) {
                assert_eq!(Instant::from(Moment::from(earlier)), earlier);
                assert!(Moment::from(earlier) < Moment::from(later));
            }
        }
    }

    #[test]
    fn what_is_too_far_away_is_the_last_moment() {
        let now = Moment::now();
        let last = now.after(Duration::MAX);
        assert_eq!(last, Moment(i64::MAX));
        assert_eq!(last.after(Duration::from_nanos(1)), last);
        let centuries = Duration::from_secs(400 * 365 * 86_400);
        assert_eq!(Moment::from(Instant::now() + centuries), last);
        assert!(Instant::from(last) > Instant::now() + centuries / 2);
    }

    #[test]
    fn differences_are_exact_and_never_negative() {
        let (first, last) = (Moment(i64::MIN), Moment(i64::MAX));
        assert_eq!(last.nanoseconds_since(first), u64::MAX);
        assert_eq!(first.nanoseconds_since(last), 0);
        assert_eq!(Moment(5).nanoseconds_since(Moment(-5)), 10);
    }
}
