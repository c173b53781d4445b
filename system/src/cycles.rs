//! The cycle counter: the cheapest clock there is (RDTSC on x86-64, the virtual counter on AArch64).
//!
//! It counts at a constant rate, which is not the rate at which the core runs at the moment. Differences between readings
//! mean something; on a CPU where [`is_constant`] says no, only those from one core, and not as time.

use crate::os;
use std::hint;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The counter now. The CPU may read it before instructions that precede it in the program are done, and after ones that
/// follow: good for time stamps, too loose for a handful of instructions.
///
/// ```
/// use fibra_system::cycles;
///
/// let start = cycles::now();
/// println!("printing took {:?}", cycles::to_duration(cycles::now() - start));
/// ```
#[inline]
pub fn now() -> u64 {
    os::cycles()
}

/// The counter, read after everything before it is done and before anything after it starts. Costs some tens of cycles.
///
/// ```
/// use fibra_system::cycles;
///
/// let start = cycles::now_in_order();
/// let sum = std::hint::black_box(2) + 2;
/// println!("{sum} took {} cycles", cycles::now_in_order() - start);
/// ```
#[inline]
pub fn now_in_order() -> u64 {
    os::cycles_in_order()
}

/// Whether the counter runs at one rate on all cores and in all their states of sleep and frequency.
///
/// ```
/// if !fibra_system::cycles::is_constant() {
///     println!("cycles are no measure of time here");
/// }
/// ```
pub fn is_constant() -> bool {
    os::cycles_are_constant()
}

/// Counts per second. Where the CPU doesn't say, the first call measures it against the system's clock, for 10 ms; the
/// others are cheap.
///
/// ```
/// println!("{:.3} GHz", fibra_system::cycles::frequency() as f64 / 1e9);
/// ```
pub fn frequency() -> u64 {
    static FREQUENCY: OnceLock<u64> = OnceLock::new();
    *FREQUENCY.get_or_init(|| os::cycle_frequency().unwrap_or_else(|| measure(Duration::from_millis(10))))
}

/// How long so many counts take. The first call may [measure](frequency).
///
/// ```
/// use fibra_system::cycles;
/// use std::time::Duration;
///
/// assert_eq!(cycles::to_duration(3 * cycles::frequency()), Duration::from_secs(3));
/// ```
pub fn to_duration(cycles: u64) -> Duration {
    duration_at(frequency(), cycles)
}

fn duration_at(frequency: u64, cycles: u64) -> Duration {
    let nanoseconds = u128::from(cycles % frequency) * 1_000_000_000 / u128::from(frequency);
    Duration::new(cycles / frequency, nanoseconds as u32)
}

fn measure(span: Duration) -> u64 {
    let (first_cycles, first_time) = both_clocks();
    while first_time.elapsed() < span {
        hint::spin_loop();
    }
    let (last_cycles, last_time) = both_clocks();
    let nanoseconds = last_time.duration_since(first_time).as_nanos().max(1);
    let frequency = u128::from(last_cycles.wrapping_sub(first_cycles)) * 1_000_000_000 / nanoseconds;
    // A counter that stands still (an emulator's) must not make `to_duration` divide by zero.
    u64::try_from(frequency).unwrap_or(u64::MAX).max(1)
}

/// Both clocks at the same time, as nearly as can be had: of several tries the one that took the fewest cycles, since in
/// the others the thread may have been interrupted between the two readings.
pub(crate) fn both_clocks() -> (u64, Instant) {
    let attempt = || {
        let before = now_in_order();
        let time = Instant::now();
        let took = now_in_order().wrapping_sub(before);
        (took, before.wrapping_add(took / 2), time)
    };
    let best =
        (0..15).map(|_| attempt()).fold(attempt(), |best, next| if next.0 < best.0 { next } else { best });
    (best.1, best.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_become_time_without_overflow_or_rounding_up() {
        assert_eq!(duration_at(3, 0), Duration::ZERO);
        assert_eq!(duration_at(3, 1), Duration::from_nanos(333_333_333));
        assert_eq!(duration_at(2_500_000_000, 5_000_000_001), Duration::from_secs(2));
        assert_eq!(duration_at(1, u64::MAX), Duration::from_secs(u64::MAX));
        assert_eq!(duration_at(u64::MAX, u64::MAX), Duration::from_secs(1));
        assert_eq!(duration_at(u64::MAX, u64::MAX - 1), Duration::from_nanos(999_999_999));
    }

    #[test]
    fn the_counter_counts_upwards() {
        // On one CPU: on old machines each has a counter of its own.
        let mask = crate::affinity::current().expect("readable");
        let cpu = mask.iter().next().expect("a thread runs somewhere");
        std::thread::spawn(move || {
            crate::affinity::pin_current_thread(cpu).expect("it may run there");
            let mut previous = now_in_order();
            for _ in 0..10_000 {
                let next = now_in_order();
                assert!(next >= previous);
                previous = next;
            }
            assert!(now() > previous - 1);
        })
        .join()
        .expect("no step backwards");
    }

    #[test]
    fn the_measured_frequency_agrees_with_a_longer_measurement() {
        // Not a bound on speed: a wrong unit or a wrong formula is off by far more than a factor of two.
        let (short, long) = (measure(Duration::from_millis(5)), measure(Duration::from_millis(40)));
        assert!(short / 2 < long && long / 2 < short, "{short} and {long} Hz");
        let known = frequency();
        assert!(known / 2 < long && long / 2 < known, "{known} and {long} Hz");
        let started = Instant::now();
        let start = now();
        std::thread::sleep(Duration::from_millis(20));
        let by_cycles = to_duration(now() - start);
        assert!(
            by_cycles >= Duration::from_millis(10) && by_cycles <= 2 * started.elapsed(),
            "{by_cycles:?}"
        );
    }
}
