//! Whether a worker that has nothing to do looks at its inbox for some microseconds before it sleeps.
//!
//! Two green threads on different workers that answer each other need less than a microsecond for it while both workers are
//! awake, and the wake of one that sleeps takes tens. But mostly nobody is about to write, and a worker that spins takes time
//! from others. So it spins only after a sleep that a letter has ended, and the more seldom the more often that was in vain:
//! at worst each 256th time. Nor does it while it has operations in flight, whose completions it would not see.

use std::{cell::Cell, hint};

/// How often the inbox is looked at, with the pause that a processor makes for a spin loop: for some 60 µs, in which another
/// worker has woken up and answered. Once both are awake, a few looks are enough.
const LOOKS: u32 = 4096;

/// After so many spins in vain, and more, one of 2^8 occasions is used.
const MOST_FAILURES: u32 = 8;

/// See the module.
pub(super) struct Spin {
    /// What has ended the last sleep, or spin, was a letter.
    is_occasion: Cell<bool>,
    /// Spins in vain since the last one that was not.
    failures: Cell<u32>,
    /// Occasions that are left out until the next spin.
    skipped: Cell<u32>,
}

impl Spin {
    pub(super) fn new() -> Self {
        Self { is_occasion: Cell::new(false), failures: Cell::new(0), skipped: Cell::new(0) }
    }

    /// The worker has slept.
    pub(super) fn slept(&self, until_letter: bool) {
        self.is_occasion.set(until_letter);
    }

    /// Waits for a letter for a moment, if one is likely to come. Whether one has come.
    pub(super) fn wait(&self, has_letter: impl Fn() -> bool) -> bool {
        if !self.is_occasion.get() {
            return false;
        }
        if self.skipped.get() > 0 {
            self.skipped.set(self.skipped.get() - 1);
            return false;
        }
        for _ in 0..LOOKS {
            if has_letter() {
                self.failures.set(0);
                return true;
            }
            hint::spin_loop();
        }
        self.failures.set((self.failures.get() + 1).min(MOST_FAILURES));
        self.skipped.set((1 << self.failures.get()) - 1);
        false
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// How many of a thousand sleeps, all of which a letter has ended, were preceded by a look at the inbox.
    fn occasions(spin: &Spin, has_letter: bool) -> usize {
        let is_used = |_: &usize| {
            let looked = Cell::new(false);
            spin.slept(true);
            spin.wait(|| {
                looked.set(true);
                has_letter
            });
            looked.get()
        };
        (0..1_000).filter(is_used).count()
    }

    #[test]
    fn it_spins_each_time_while_letters_come_and_seldom_while_they_dont() {
        let spin = Spin::new();
        assert_eq!(occasions(&spin, true), 1_000);
        assert!((8..16).contains(&occasions(&spin, false)));
        assert!(occasions(&spin, true) > 700);
    }

    #[test]
    fn it_does_not_spin_after_a_sleep_that_something_else_has_ended() {
        let spin = Spin::new();
        spin.slept(false);
        assert!(!spin.wait(|| unreachable!("nobody is likely to write")));
    }
}
