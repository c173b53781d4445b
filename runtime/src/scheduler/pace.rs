//! Whose turn it is, and when a worker looks at the world: at its driver, its letters, the injector.
//!
//! The clock decides, and the clock is looked at rarely: after each run while runs are slow, after several while they are
//! quick. Tasks in the ring and parked stacks take turns in between.

use fibra_driver::Moment;
use fibra_system::ticks::{self, Ticks};
use std::cell::Cell;

/// How long tasks run between two looks at the driver, while there are tasks to run, in nanoseconds.
const POLL_PERIOD: u64 = 100_000;
/// After so many runs at most the clock is looked at: the longest that slow tasks after quick ones can hold up timers and
/// I/O. More would cost less (a look at the clock is some 10 ns, shared by that many runs).
const LONGEST_STRIDE: u32 = 16;
/// After a slow run, so many are looked at one by one: slow ones come in company, and a few quick ones in between must not
/// hide them.
const WARY: u32 = 64;
/// Runs that take longer than this, in nanoseconds, are slow: then the clock is looked at after each.
const SLOW: u64 = 20_000;
/// Less work than this, in nanoseconds, is not worth waking another worker for: that takes some ten microseconds itself, and
/// as much again to fetch what the tasks touch from this core's cache; and with a future its I/O moves to the other ring.
const WAKE: u64 = 50_000;
/// Two looks at two clocks, so many nanoseconds apart, are at the same moment.
const CLOSE: u64 = 5_000;
/// How many tasks are run, and then stacks resumed, before it is the others' turn. Between the two the worker changes stacks
/// twice, and who waits for many tasks finds more of them at their end; more than a few would make the others wait.
const TURN: u8 = 8;

/// See the module.
pub(super) struct Pace {
    /// Whose turn it is: a count of runs, which wraps. Not as wide as the next count: the compiler would do both by one vector
    /// instruction, which has to wait if one of them was written alone just before.
    turn: Cell<u8>,
    /// How many runs are left until the clock is looked at again.
    unchecked: Cell<u32>,
    /// How many runs lie between two looks at the clock.
    stride: Cell<u32>,
    /// How many runs in a row have yet to be quick before the stride may grow.
    wary: Cell<u32>,
    /// How long a run takes at present, at most, in nanoseconds.
    usual_run: Cell<u32>,
    /// When the clock was looked at the last time.
    last_check: Cell<Ticks>,
    /// When the driver let go of the worker the last time, on the quick clock and on the one that timers go by.
    last_poll: Cell<(Ticks, Moment)>,
    /// When both clocks were looked at the last time.
    both_clocks: Cell<(Ticks, Moment)>,
    /// Tasks have run for a poll period.
    is_poll_due: Cell<bool>,
    /// The worker has had no time to spare of late, whatever takes it.
    is_saturated: Cell<bool>,
}

impl Pace {
    pub(super) fn new() -> Self {
        let both = look_at_both_clocks();
        Self {
            turn: Cell::new(0),
            unchecked: Cell::new(1),
            stride: Cell::new(1),
            wary: Cell::new(0),
            usual_run: Cell::new(u32::MAX),
            last_check: Cell::new(both.0),
            last_poll: Cell::new(both),
            both_clocks: Cell::new(both),
            is_poll_due: Cell::new(false),
            is_saturated: Cell::new(false),
        }
    }

    #[inline]
    pub(super) fn is_rings_turn(&self) -> bool {
        self.turn.get() & TURN != 0
    }

    /// Nobody else's stack is ready: what is in the ring goes before the one that yields.
    #[cold]
    pub(super) fn give_turn_to_ring(&self) {
        // The look at the clock, if it is time for that, may pass the turn on; so it comes first.
        let _ = self.is_poll_due();
        self.turn.set(TURN);
    }

    /// A run begins. Its worker has asked before whether a poll is due, so there is at least one run left.
    #[inline]
    pub(super) fn count_run(&self) {
        self.unchecked.set(self.unchecked.get() - 1);
        self.turn.set(self.turn.get().wrapping_add(1));
    }

    /// Whether so many tasks take so long that somebody should be woken to help with them: they themselves, or what the kernel
    /// does for them.
    #[inline]
    pub(super) fn is_long(&self, tasks: u32) -> bool {
        u64::from(tasks) * u64::from(self.usual_run.get()) > WAKE || (self.is_saturated.get() && tasks > 1)
    }

    pub(super) fn is_saturated(&self) -> bool {
        self.is_saturated.get()
    }

    pub(super) fn note_saturation(&self, is_saturated: bool) {
        self.is_saturated.set(is_saturated);
    }

    /// Whether there were slow runs among the last ones.
    #[inline]
    pub(super) fn is_wary(&self) -> bool {
        self.wary.get() > 0
    }

    #[inline]
    pub(super) fn is_poll_due(&self) -> bool {
        if self.unchecked.get() == 0 {
            self.check_clock();
        }
        self.is_poll_due.get()
    }

    /// Looks at the clock: after each run while they are slow, and ever more seldom while they are not.
    #[cold]
    fn check_clock(&self) {
        let now = Ticks::now();
        let elapsed = now.nanoseconds_since(self.last_check.replace(now));
        let each = elapsed / u64::from(self.stride.get());
        // A slow one is remembered for a while: it may have company.
        let usual = self.usual_run.get();
        self.usual_run.set(u32::try_from(each).unwrap_or(u32::MAX).max(usual - usual / 8));
        if elapsed > SLOW {
            self.stride.set(1);
            self.wary.set(WARY);
            // Nor shall several slow ones in a row go before the others.
            self.turn.set((self.turn.get() | (TURN - 1)).wrapping_add(1));
        } else if self.wary.get() > 0 {
            self.wary.set(self.wary.get() - 1);
        } else {
            self.stride.set((self.stride.get() * 2).min(LONGEST_STRIDE));
        }
        self.unchecked.set(self.stride.get());
        self.is_poll_due.set(now.nanoseconds_since(self.last_poll.get().0) >= POLL_PERIOD);
    }

    /// When the driver let go of the worker the last time, by the system's clock.
    #[inline]
    pub(super) fn last_poll(&self) -> Moment {
        self.last_poll.get().1
    }

    /// Now by the system's clock, or up to some 20 µs later, which mostly is found out in less than half the time.
    #[inline]
    pub(super) fn not_before_now(&self) -> Moment {
        let (ticks, moment) = self.both_clocks.get();
        match ticks.elapsed_at_most() {
            Some(elapsed) => moment.after_nanoseconds(elapsed),
            None => self.now(),
        }
    }

    #[cold]
    fn now(&self) -> Moment {
        if !ticks::bound_the_clock() {
            return Moment::now();
        }
        self.both_clocks.set(look_at_both_clocks());
        self.both_clocks.get().1
    }

    /// Tasks run from now on: what the kernel took before is not theirs. Returns what time it is, by the system's clock.
    pub(super) fn start_period(&self) -> Moment {
        let (ticks, now) = look_at_both_clocks();
        self.both_clocks.set((ticks, now));
        self.last_poll.set((ticks, now));
        self.last_check.set(ticks);
        self.unchecked.set(self.stride.get());
        self.is_poll_due.set(false);
        now
    }
}

/// In this order: so the time since the ticks is no less than the one since the moment. And close together: a thread that is off
/// its CPU in between would have what it starts next end as much later.
fn look_at_both_clocks() -> (Ticks, Moment) {
    let look = || (Ticks::now(), Moment::now());
    let is_close = |ticks| !ticks::bound_the_clock() || Ticks::now().nanoseconds_since(ticks) < CLOSE;
    // Where a look takes that long itself, as under an emulator, there is nothing to wait for.
    (0..2).map(|_| look()).find(|(ticks, _)| is_close(*ticks)).unwrap_or_else(look)
}
