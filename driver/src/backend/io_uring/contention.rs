//! Whether other threads want the core that this one runs on.
//!
//! Linux counts for each thread how long it was ready and waited for a core. Looked at now and then, that costs nothing to
//! speak of; where the kernel doesn't count it, or `/proc` is not mounted, there is no contention.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// How often to look, at most.
const PERIOD: Duration = Duration::from_millis(10);
/// Who has waited for this part of the time has a core that others want.
const SHARE: u32 = 20;
/// After so many looks at which it had waited less, nobody wants it any more. Others often leave for a while: so do those
/// that this thread has just served.
const QUIET_LOOKS: u32 = 10;

/// See the module.
pub(super) struct Contention {
    /// This thread's numbers, in text: how long it ran, how long it waited for a core, how often it got one.
    schedule: Option<File>,
    /// When to look at them again: [`PERIOD`] after the last time.
    due: Instant,
    /// How long the thread had waited by then.
    waited: Duration,
    /// How many looks it takes until there is none; with 0, there is none now.
    high_for: u32,
}

impl Contention {
    /// Of the thread that calls, which has to be the one that [looks](Self::look).
    pub(super) fn of_this_thread() -> Contention {
        let schedule = File::open("/proc/thread-self/schedstat").ok();
        Contention { schedule, due: Instant::now() + PERIOD, waited: Duration::ZERO, high_for: 0 }
    }

    /// Whether it was so when that was looked at the last time.
    pub(super) fn is_high(&self) -> bool {
        self.high_for > 0
    }

    /// Looks again, if it is time for that.
    #[inline]
    pub(super) fn look(&mut self, now: Instant) {
        if now >= self.due {
            self.look_again(now);
        }
    }

    #[cold]
    fn look_again(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.due) + PERIOD;
        self.due = now + PERIOD;
        if let Some(waited) = self.schedule.as_ref().and_then(read) {
            self.note(elapsed, waited);
        }
    }

    #[cfg(test)]
    pub(super) fn pretend_high(&mut self) {
        self.high_for = u32::MAX;
    }

    /// So much later it has waited so long in all.
    fn note(&mut self, elapsed: Duration, waited: Duration) {
        let is_wanted = waited.saturating_sub(self.waited) * SHARE >= elapsed;
        self.high_for = if is_wanted { QUIET_LOOKS } else { self.high_for.saturating_sub(1) };
        self.waited = waited;
    }
}

/// How long a thread has waited for a core in all.
fn read(schedule: &File) -> Option<Duration> {
    let mut text = [0; 96];
    let length = schedule.read_at(&mut text, 0).ok()?;
    let waited = str::from_utf8(&text[..length]).ok()?.split_ascii_whitespace().nth(1)?;
    Some(Duration::from_nanos(waited.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::{hint, thread};

    #[test]
    fn who_has_to_wait_for_a_core_sees_it() {
        const PATIENCE: Duration = Duration::from_secs(60);
        let mut contention = Contention::of_this_thread();
        assert!(contention.schedule.is_some(), "this kernel counts waits");
        let begin = Instant::now();
        let is_over = AtomicBool::new(false);
        let others = 2 * thread::available_parallelism().unwrap().get();
        thread::scope(|scope| {
            for _ in 0..others {
                scope.spawn(|| {
                    while !is_over.load(Relaxed) {
                        hint::spin_loop();
                    }
                });
            }
            while !contention.is_high() && begin.elapsed() < PATIENCE {
                contention.look(Instant::now());
            }
            is_over.store(true, Relaxed);
        });
        assert!(contention.is_high());
    }

    #[test]
    fn it_is_over_when_nobody_has_wanted_the_core_for_some_looks() {
        let mut contention = Contention::of_this_thread();
        contention.note(PERIOD, PERIOD / SHARE);
        assert!(contention.is_high());
        for _ in 0..QUIET_LOOKS {
            assert!(contention.is_high());
            contention.note(PERIOD, PERIOD / SHARE);
        }
        assert!(!contention.is_high());
    }

    #[test]
    fn a_wait_that_is_long_ago_does_not_count() {
        let mut contention = Contention::of_this_thread();
        contention.note(PERIOD * SHARE * 2, PERIOD);
        assert!(!contention.is_high());
    }
}
