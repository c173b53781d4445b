//! The time that timers go by: the system's, unless somebody has stopped it.
//!
//! One word says all, so that a look at the clock never falls between two settings:
//!
//! ```text
//!   63                                             1   0
//!    ├────────────────────────────────────────────┼───┤
//!    │ nanoseconds, signed                         │ f │
//!    └────────────────────────────────────────────┴───┘
//!     f = 0, it runs:    how far it is ahead of the system's clock (0 in nearly every program)
//!     f = 1, it stands:  at this moment
//! ```
//!
//! It never goes back: it stops where it is, moves only forward while it stands, and goes on from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::moment::Moment;

const STANDS: i64 = 1;

/// A clock that can be stopped and moved, for tests of what takes long. Its clones are the same clock.
///
/// ```
/// use fibra_driver::Clock;
/// use std::time::Duration;
///
/// let clock = Clock::default();
/// assert!(clock.stop());
/// let before = clock.now();
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(clock.now() - before, Duration::from_secs(3600));
/// clock.go_on();
/// assert!(!clock.is_stopped());
/// ```
///
/// The default one runs with the system's.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// What time it is.
    ///
    /// ```
    /// let clock = fibra_driver::Clock::default();
    /// assert!(clock.now() <= clock.now());
    /// ```
    #[inline]
    pub fn now(&self) -> Instant {
        match self.0.load(Ordering::Relaxed) {
            0 => Instant::now(),
            word => Self::read(word, Moment::now()).into(),
        }
    }

    /// What time it was, or is, when the system's clock shows `real`.
    ///
    /// ```
    /// let now = fibra_driver::Moment::now();
    /// assert_eq!(fibra_driver::Clock::default().at(now), now);
    /// ```
    #[inline]
    pub fn at(&self, real: Moment) -> Moment {
        match self.0.load(Ordering::Relaxed) {
            0 => real,
            word => Self::read(word, real),
        }
    }

    #[cold]
    fn read(word: i64, real: Moment) -> Moment {
        let distance = word >> 1;
        if word & STANDS != 0 {
            return Moment::from_number(distance);
        }
        Moment::from_number(real.to_number().saturating_add(distance))
    }

    /// Whether it stands.
    ///
    /// ```
    /// assert!(!fibra_driver::Clock::default().is_stopped());
    /// ```
    #[inline]
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire) & STANDS != 0
    }

    /// Stops it. `false`: it stood already.
    ///
    /// ```
    /// let clock = fibra_driver::Clock::default();
    /// assert!(clock.stop());
    /// assert!(!clock.stop());
    /// assert_eq!(clock.now(), clock.now());
    /// ```
    pub fn stop(&self) -> bool {
        let word = self.0.load(Ordering::Acquire);
        if word & STANDS != 0 {
            return false;
        }
        let standing = Moment::from(self.now()).to_number() << 1 | STANDS;
        // Whoever was faster has stopped or moved it: then this is not the one that did.
        self.0.compare_exchange(word, standing, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Has it run again, from where it stands. `false`: it runs already.
    ///
    /// ```
    /// let clock = fibra_driver::Clock::default();
    /// assert!(!clock.go_on());
    /// clock.stop();
    /// assert!(clock.go_on());
    /// ```
    pub fn go_on(&self) -> bool {
        let word = self.0.load(Ordering::Acquire);
        if word & STANDS == 0 {
            return false;
        }
        let ahead = (word >> 1).saturating_sub(Moment::now().to_number());
        self.0.compare_exchange(word, ahead << 1, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Moves it by `duration` while it stands. `false`: it runs.
    ///
    /// ```
    /// assert!(!fibra_driver::Clock::default().advance(std::time::Duration::from_secs(1)));
    /// ```
    pub fn advance(&self, duration: Duration) -> bool {
        let step = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        self.change(|standing| standing.saturating_add(step))
    }

    /// Moves it to `time` while it stands, unless it is there or beyond. `false`: it runs.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let clock = fibra_driver::Clock::default();
    /// clock.stop();
    /// let later = clock.now() + Duration::from_secs(1);
    /// assert!(clock.advance_to(later));
    /// assert_eq!(clock.now(), later);
    /// ```
    pub fn advance_to(&self, time: Instant) -> bool {
        let goal = Moment::from(time).to_number();
        self.change(|standing| standing.max(goal))
    }

    fn change(&self, change: impl Fn(i64) -> i64) -> bool {
        const MOST: i64 = i64::MAX >> 1;
        let update = |word: i64| (word & STANDS != 0).then(|| change(word >> 1).min(MOST) << 1 | STANDS);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, update).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_goes_back_and_stands_while_it_is_stopped() {
        let clock = Clock::default();
        let mut before = clock.now();
        for round in 0..20 {
            assert!(clock.stop());
            let stopped = clock.now();
            assert!(stopped >= before);
            std::thread::sleep(Duration::from_millis(1));
            assert_eq!(clock.now(), stopped);
            if round % 2 == 0 {
                assert!(clock.advance(Duration::from_secs(100)));
                assert_eq!(clock.now(), stopped + Duration::from_secs(100));
            }
            let shown = clock.now();
            assert!(clock.go_on());
            before = clock.now();
            assert!(before >= shown && before < shown + Duration::from_secs(50));
        }
    }

    #[test]
    fn it_moves_only_forward_and_only_while_it_stands() {
        let clock = Clock::default();
        assert!(!clock.advance(Duration::from_secs(1)));
        assert!(!clock.advance_to(Instant::now() + Duration::from_secs(1)));
        clock.stop();
        let start = clock.now();
        assert!(clock.advance_to(start + Duration::from_secs(5)));
        assert!(clock.advance_to(start));
        assert_eq!(clock.now(), start + Duration::from_secs(5));
        clock.advance(Duration::MAX);
        let end = clock.now();
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), end, "the end of time is the end");
    }

    #[test]
    fn a_moment_of_the_system_is_seen_through_it() {
        let clock = Clock::default();
        let real = Moment::now();
        assert_eq!(clock.at(real), real);
        clock.stop();
        clock.advance(Duration::from_secs(10));
        assert_eq!(clock.at(real), Moment::from(clock.now()));
        clock.go_on();
        assert!(clock.at(real) > real.after(Duration::from_secs(9)));
    }
}
