//! What has become of this thread's time: whether it had none to spare, and whether others want the core that it runs on.
//!
//! Linux counts for each thread how long it ran, and how long it was ready and waited for a core. Looked at now and then, that
//! costs nothing to speak of; where the kernel doesn't count it, or `/proc` is not mounted, neither is the case.

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

/// Who has run for so many hundredths of the time had none to spare.
const FULL: u32 = 97;

/// See the module.
pub(super) struct CoreUse {
    /// This thread's numbers, in text: how long it ran, how long it waited for a core, how often it got one.
    schedule: Option<File>,
    /// When to look at them again: [`PERIOD`] after the last time.
    due: Instant,
    /// How long the thread had run and waited by then.
    before: Times,
    is_full: bool,
    /// How many looks it takes until the core is not wanted any more; with 0, it is not.
    wanted_for: u32,
}

#[derive(Clone, Copy, Default)]
struct Times {
    ran: Duration,
    waited: Duration,
}

impl CoreUse {
    /// Of the thread that calls, which has to be the one that [looks](Self::look).
    pub(super) fn of_this_thread() -> CoreUse {
        let schedule = File::open("/proc/thread-self/schedstat").ok();
        CoreUse {
            schedule,
            due: Instant::now() + PERIOD,
            before: Times::default(),
            is_full: false,
            wanted_for: 0,
        }
    }

    /// Whether the thread ran nearly all the time between the last two looks.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whether others want the core, or did a moment ago.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted_for > 0
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
        if let Some(times) = self.schedule.as_ref().and_then(read) {
            self.note(elapsed, times);
        }
    }

    /// So much later this is what it has come to in all.
    fn note(&mut self, elapsed: Duration, times: Times) {
        self.is_full = times.ran.saturating_sub(self.before.ran) * 100 >= elapsed * FULL;
        let is_wanted = times.waited.saturating_sub(self.before.waited) * SHARE >= elapsed;
        self.wanted_for = if is_wanted { QUIET_LOOKS } else { self.wanted_for.saturating_sub(1) };
        self.before = times;
    }
}

fn read(schedule: &File) -> Option<Times> {
    let mut text = [0; 96];
    let length = schedule.read_at(&mut text, 0).ok()?;
    let mut numbers = str::from_utf8(&text[..length]).ok()?.split_ascii_whitespace();
    let mut next = || Some(Duration::from_nanos(numbers.next()?.parse().ok()?));
    Some(Times { ran: next()?, waited: next()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::{hint, thread};

    /// Has it note that it ran and waited for so long in a period.
    fn note(core: &mut CoreUse, ran: Duration, waited: Duration) {
        let times = Times { ran: core.before.ran + ran, waited: core.before.waited + waited };
        core.note(PERIOD, times);
    }

    #[test]
    fn who_has_to_wait_for_a_core_sees_it() {
        const PATIENCE: Duration = Duration::from_secs(60);
        let mut core = CoreUse::of_this_thread();
        assert!(core.schedule.is_some(), "this kernel counts waits");
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
            while !core.is_wanted() && begin.elapsed() < PATIENCE {
                core.look(Instant::now());
            }
            is_over.store(true, Relaxed);
        });
        assert!(core.is_wanted());
    }

    #[test]
    fn who_never_waits_is_full_and_who_sleeps_is_not() {
        const PATIENCE: Duration = Duration::from_secs(60);
        let mut core = CoreUse::of_this_thread();
        let begin = Instant::now();
        // On a busy machine it may take a while to have a core alone.
        while !core.is_full() && begin.elapsed() < PATIENCE {
            core.look(Instant::now());
        }
        assert!(core.is_full());
        thread::sleep(2 * PERIOD);
        core.look(Instant::now());
        assert!(!core.is_full());
    }

    #[test]
    fn a_core_is_wanted_until_nobody_has_come_for_some_looks() {
        let mut core = CoreUse::of_this_thread();
        note(&mut core, PERIOD, PERIOD / SHARE);
        for _ in 0..QUIET_LOOKS {
            assert!(core.is_wanted());
            note(&mut core, PERIOD, Duration::ZERO);
        }
        assert!(!core.is_wanted());
    }

    #[test]
    fn only_the_time_since_the_last_look_counts() {
        let mut core = CoreUse::of_this_thread();
        note(&mut core, PERIOD, PERIOD / 2 / SHARE);
        assert!(core.is_full() && !core.is_wanted());
        note(&mut core, PERIOD / 2, PERIOD / 2 / SHARE);
        assert!(!core.is_full() && !core.is_wanted());
    }
}
