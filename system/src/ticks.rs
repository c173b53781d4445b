//! A clock for what is timed again and again: a look at it takes less than half as long as one at [`Instant`].
//!
//! It is the [cycle counter](crate::cycles), where that runs at a constant rate, and the system's clock elsewhere. Nobody
//! waits for the rate to be known: it is taken from the two clocks as far as they have gone since the first look, and
//! settled once they have gone far enough.
//!
//! It is good for statistics and for decisions about them: on a machine whose cores disagree this one does too, and it keeps its
//! rate for ever. What must not come too early belongs to [`Instant`], but for short times on systems whose clock counts the
//! same cycles: see [`Ticks::elapsed_at_most`].

use crate::{cycles, os};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// After so long the rate is settled: readings of both clocks are some 0.1 µs apart, a ten-thousandth of it.
const LONG_ENOUGH: Duration = Duration::from_millis(1);
/// Rates are nanoseconds per tick, with so many bits behind the point.
const FRACTION: u32 = 32;
/// Not settled yet.
const UNKNOWN: u64 = 0;

/// What is asked for after a longer time, in nanoseconds, is not bounded.
const SHORT: u64 = 1 << 17;
/// A time may be longer than the counter says by this share of it: the kernel has its clock run up to a tenth faster than what that
/// counts, where somebody corrects it by adjtimex(2), and the rate was measured to a thousandth.
const SHARE: u64 = 8;
/// And by so many nanoseconds: the processor reads the counter while instructions before it are under way.
const READING: u64 = 1_000;

/// A moment on this clock.
///
/// ```
/// use fibra_system::ticks::Ticks;
///
/// let start = Ticks::now();
/// std::thread::sleep(std::time::Duration::from_millis(1));
/// assert!(Ticks::now().nanoseconds_since(start) > 900_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticks(u64);

impl Ticks {
    /// The moment that it is now.
    #[inline]
    pub fn now() -> Self {
        Self(source().now())
    }

    /// The time since `earlier`, in nanoseconds: none if that was later.
    ///
    /// ```
    /// # use fibra_system::ticks::Ticks;
    /// let (first, second) = (Ticks::now(), Ticks::now());
    /// println!("a look at this clock takes {} ns", second.nanoseconds_since(first));
    /// assert_eq!(first.nanoseconds_since(first), 0);
    /// ```
    #[inline]
    pub fn nanoseconds_since(self, earlier: Self) -> u64 {
        in_nanoseconds(self.0.saturating_sub(earlier.0), source().rate())
    }

    /// A bound on the time since then by the system's clock, in nanoseconds: no less than it, and not much more, an eighth and a
    /// microsecond. `None` where that can't be said: after more than some 0.1 ms, in the first millisecond of a process, and where
    /// the system's clock does not count the same cycles.
    ///
    /// Where it does, as Linux's `tsc` and `arch_sys_counter`, the two can't part: what the counter does, as when a virtual machine is
    /// moved, that clock does too, and its kernel has seen to it that all cores agree.
    ///
    /// ```
    /// # use fibra_system::ticks::Ticks;
    /// # use std::time::Instant;
    /// let (then, since) = (Ticks::now(), Instant::now());
    /// let elapsed = since.elapsed();
    /// assert!(then.elapsed_at_most().is_none_or(|bound| u128::from(bound) >= elapsed.as_nanos()));
    /// ```
    #[inline]
    pub fn elapsed_at_most(self) -> Option<u64> {
        let source = source();
        if !source.is_clocks {
            return None;
        }
        let elapsed = in_nanoseconds(source.now().saturating_sub(self.0), source.settled_rate()?);
        (elapsed <= SHORT).then_some(elapsed + elapsed / SHARE + READING)
    }
}

/// Whether there ever is a [bound](Ticks::elapsed_at_most).
///
/// ```
/// use fibra_system::ticks;
/// println!("this system's clock counts cycles: {}", ticks::bound_the_clock());
/// ```
pub fn bound_the_clock() -> bool {
    source().is_clocks
}

/// Has [`Ticks`] go by the system's clock, for a program that puts its own in the place of that: a simulation, or a
/// measurement of something else. `false`: it is too late, somebody has looked at them.
///
/// ```standalone_crate
/// assert!(fibra_system::ticks::go_by_the_systems_clock());
/// ```
pub fn go_by_the_systems_clock() -> bool {
    SOURCE.set(Source::new(false)).is_ok()
}

fn in_nanoseconds(ticks: u64, rate: u64) -> u64 {
    u64::try_from((u128::from(ticks) * u128::from(rate)) >> FRACTION).unwrap_or(u64::MAX)
}

/// What the ticks are, and how long one is.
struct Source {
    is_counter: bool,
    /// The system's clock counts the same.
    is_clocks: bool,
    /// Both clocks at the first look.
    first: (u64, Instant),
    rate: AtomicU64,
}

static SOURCE: OnceLock<Source> = OnceLock::new();

#[inline]
fn source() -> &'static Source {
    SOURCE.get_or_init(|| Source::new(cycles::is_constant()))
}

impl Source {
    fn new(is_counter: bool) -> Self {
        let rate = AtomicU64::new(if is_counter { UNKNOWN } else { 1 << FRACTION });
        let is_clocks = is_counter && os::clock_source().is_some_and(|name| name == os::CLOCK_SOURCE);
        Self { is_counter, is_clocks, first: cycles::both_clocks(), rate }
    }

    #[inline]
    fn now(&self) -> u64 {
        if self.is_counter { cycles::now() } else { self.nanoseconds() }
    }

    #[cold]
    fn nanoseconds(&self) -> u64 {
        u64::try_from(self.first.1.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    #[inline]
    fn rate(&self) -> u64 {
        match self.rate.load(Ordering::Relaxed) {
            UNKNOWN => self.rate_so_far(),
            rate => rate,
        }
    }

    #[inline]
    fn settled_rate(&self) -> Option<u64> {
        match self.rate.load(Ordering::Relaxed) {
            UNKNOWN => self.settle(),
            rate => Some(rate),
        }
    }

    #[cold]
    fn settle(&self) -> Option<u64> {
        self.rate_so_far();
        Some(self.rate.load(Ordering::Relaxed)).filter(|rate| *rate != UNKNOWN)
    }

    #[cold]
    fn rate_so_far(&self) -> u64 {
        let now = Instant::now();
        if now.duration_since(self.first.1) < LONG_ENOUGH {
            return rate_between(self.first, (cycles::now(), now));
        }
        let rate = rate_between(self.first, cycles::both_clocks());
        self.rate.store(rate, Ordering::Relaxed);
        rate
    }
}

/// Never [`UNKNOWN`], also where a counter stands still (an emulator's).
fn rate_between(first: (u64, Instant), last: (u64, Instant)) -> u64 {
    let nanoseconds = last.1.saturating_duration_since(first.1).as_nanos() << FRACTION;
    let ticks = u128::from(last.0.saturating_sub(first.0).max(1));
    u64::try_from(nanoseconds / ticks).unwrap_or(u64::MAX).max(UNKNOWN + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_both_clocks_have_gone() {
        let start = Instant::now();
        let at = |ticks, nanoseconds| (ticks, start + Duration::from_nanos(nanoseconds));
        assert_eq!(rate_between(at(5, 0), at(3005, 1000)), (1 << FRACTION) / 3);
        assert_eq!(in_nanoseconds(3_000_000_000, rate_between(at(0, 0), at(3, 1))), 999_999_999);
        assert_eq!(in_nanoseconds(u64::MAX, u64::MAX), u64::MAX);
        for (first, last) in [(at(7, 0), at(7, 0)), (at(7, 5), at(6, 0)), (at(0, 0), at(u64::MAX, 1))] {
            assert_ne!(rate_between(first, last), UNKNOWN);
        }
    }

    /// Not a bound on speed: a wrong unit or a wrong formula is off by far more than a factor of two.
    fn assert_agrees(source: &Source) {
        let (start, first) = (Instant::now(), source.now());
        std::thread::sleep(Duration::from_millis(4));
        let by_ticks = in_nanoseconds(source.now() - first, source.rate());
        let by_clock = start.elapsed().as_nanos() as u64;
        assert!(by_ticks > 2_000_000 && by_ticks < 2 * by_clock, "{by_ticks} and {by_clock} ns");
    }

    #[test]
    fn it_goes_as_the_systems_clock_before_its_rate_is_settled_and_after() {
        let source = Source::new(true);
        assert_agrees(&source);
        while source.first.1.elapsed() < LONG_ENOUGH {}
        assert_agrees(&source);
        assert_ne!(source.rate.load(Ordering::Relaxed), UNKNOWN);
        assert_agrees(&source);
    }

    #[test]
    fn without_a_constant_counter_it_is_the_systems_clock() {
        let source = Source::new(false);
        assert_agrees(&source);
        let (before, ticks, after) = (source.first.1.elapsed(), source.now(), source.first.1.elapsed());
        let time = Duration::from_nanos(in_nanoseconds(ticks, source.rate()));
        assert!(before <= time && time <= after);
    }

    #[test]
    fn a_bound_is_never_less_than_what_the_systems_clock_has_gone() {
        let source = source();
        while source.first.1.elapsed() < LONG_ENOUGH {}
        source.rate();
        let mut bounded = 0;
        for round in 0..20_000_u32 {
            let (then, since) = (Ticks::now(), Instant::now());
            for _ in 0..round % 500 {
                std::hint::spin_loop();
            }
            let elapsed = since.elapsed();
            if let Some(bound) = then.elapsed_at_most() {
                bounded += 1;
                assert!(
                    u128::from(bound) >= elapsed.as_nanos(),
                    "{elapsed:?}, said to be at most {bound} ns"
                );
            }
        }
        assert_eq!(bounded > 0, source.is_clocks, "{bounded}");
    }

    #[test]
    fn long_times_have_no_bound() {
        let then = Ticks::now();
        std::thread::sleep(Duration::from_millis(3));
        assert_eq!(then.elapsed_at_most(), None);
    }

    #[test]
    fn from_a_later_moment_no_time_has_passed() {
        assert_eq!(Ticks(0).nanoseconds_since(Ticks(u64::MAX)), 0);
    }
}
