//! The runtime's clock, which a test may stop: then it moves on by itself when nothing else can happen.
//!
//! ```text
//!   a worker with nothing to do:   say when my next timer is due      then doze
//!   the last one that dozes:       all doze, no queue holds a task, no blocking work runs?
//!                                  move the clock to the earliest timer of all, and unpark those who have it
//! ```
//!
//! A doze says so itself before it looks for work a last time (see `Home`), so what was said before it is known to whoever
//! finds all dozing. Operations that the kernel has may end at any moment, which nobody can know; while there are some, the
//! last one gives them [`PATIENCE`].

use super::{Scheduler, start, worker::Worker};
use crate::primitive::{
    SeqCst, fence,
    unmodelled::{AtomicBool, AtomicU64, Ordering},
};
use fibra_driver::{Clock, Moment, Wait};
use std::time::{Duration, Instant};

/// How long, by the system's clock, operations in flight are given before the stopped clock moves on. On the loopback and in
/// the page cache an answer takes a hundredth of that.
const PATIENCE: Duration = Duration::from_millis(1);

/// So long a wait may be late by 60 µs: another 20 µs are not worth a look at the clock.
const LONG: Duration = Duration::from_millis(1);
/// Timers that may not be late by so much are worth it, however long they are.
const LATE: Duration = Duration::from_micros(64);

/// The clock, and what workers say about their timers while it stands.
pub(crate) struct Time {
    pub(crate) clock: Clock,
    origin: Instant,
    /// Timers need not be exact, so that a quick look at the clock will do for them.
    may_be_late: bool,
    outlooks: Box<[Outlook]>,
}

/// What a worker that dozes waits for.
struct Outlook {
    /// When its next timer is due, in nanoseconds since the origin.
    next_timer: AtomicU64,
    /// Whether the kernel has operations of its.
    has_operations: AtomicBool,
}

/// The worker has not said so since the clock was stopped.
const UNKNOWN: u64 = 0;
const NEVER: u64 = u64::MAX;

impl Time {
    pub(crate) fn new(clock: Clock, timer_slack: Duration, workers: usize) -> Self {
        let outlook =
            |_| Outlook { next_timer: AtomicU64::new(UNKNOWN), has_operations: AtomicBool::new(false) };
        Self {
            origin: clock.now(),
            clock,
            may_be_late: timer_slack >= LATE,
            outlooks: (0..workers).map(outlook).collect(),
        }
    }

    fn nanoseconds(&self, time: Instant) -> u64 {
        let since = time.saturating_duration_since(self.origin).as_nanos();
        u64::try_from(since).unwrap_or(NEVER - 1).clamp(UNKNOWN + 1, NEVER - 1)
    }

    /// The earliest timer of all; `None`: there is none, or it is not known yet.
    fn earliest(&self) -> Option<u64> {
        let next = self.outlooks.iter().map(|outlook| outlook.next_timer.load(Ordering::Relaxed)).min();
        next.filter(|next| !matches!(*next, UNKNOWN | NEVER))
    }

    fn has_operations(&self) -> bool {
        self.outlooks.iter().any(|outlook| outlook.has_operations.load(Ordering::Relaxed))
    }
}

impl Scheduler {
    /// Stops the clock.
    pub(crate) fn stop_time(&self) {
        for outlook in &self.time.outlooks {
            outlook.next_timer.store(UNKNOWN, Ordering::Relaxed);
        }
        if self.time.clock.stop() {
            // They wait in the kernel for timers that are not due there any more.
            self.unpark_all();
        }
    }

    /// Has it run again.
    pub(crate) fn resume_time(&self) {
        if self.time.clock.go_on() {
            self.unpark_all();
        }
    }

    /// Moves it, if it stands.
    #[must_use]
    pub(crate) fn advance_time(&self, duration: Duration) -> bool {
        let advanced = self.time.clock.advance(duration);
        self.unpark_all();
        advanced
    }

    fn unpark_all(&self) {
        self.workers.iter().for_each(|worker| worker.home.unpark());
    }

    /// Whether nothing can happen any more but a timer or an operation's end.
    fn is_at_rest(&self) -> bool {
        fence(SeqCst);
        self.workers.iter().all(|worker| worker.home.is_dozing())
            && !self.has_work()
            && self.offload.stats().is_idle()
    }
}

impl Worker {
    /// Says what this worker waits for, if the clock stands. To be called before it dozes. `false`: it need not wait.
    #[inline]
    #[must_use]
    pub(super) fn say_outlook(&self) -> bool {
        !self.scheduler().time.clock.is_stopped() || self.say_outlook_in_stopped_time()
    }

    #[cold]
    fn say_outlook_in_stopped_time(&self) -> bool {
        // What was cancelled ends with the next turn, without any timer.
        self.turn(Wait::Not);
        if self.has_at_hand() {
            return false;
        }
        let time = &self.scheduler().time;
        let outlook = &time.outlooks[self.home().index()];
        let (next, operations) =
            self.with_driver(|driver| (driver.next_timer(), driver.operations_in_kernel()));
        outlook.next_timer.store(next.map_or(NEVER, |next| time.nanoseconds(next)), Ordering::Relaxed);
        outlook.has_operations.store(operations > 0, Ordering::Relaxed);
        true
    }

    /// Turns the driver of a worker that dozes while the clock stands, and moves the clock if this is the last one.
    #[cold]
    pub(super) fn turn_in_stopped_time(&self) {
        let scheduler = self.scheduler();
        if scheduler.is_at_rest() && scheduler.time.has_operations() {
            let end = Instant::now() + PATIENCE;
            self.collect(Wait::Until(end));
            // What the turn has not ended it has handed to the kernel all the same. Whoever unparked us has been heard by that
            // turn, and has cut it short: the next one waits. Another worker may have been woken by the kernel, and be waiting for
            // a CPU.
            let others_sleep = || scheduler.monitor.all_wait_but(self.home().index());
            if Instant::now() < end || !self.arrived.is_empty() || !self.home().is_dozing() || !others_sleep()
            {
                return;
            }
        }
        let time = &scheduler.time;
        match time.earliest().filter(|_| scheduler.is_at_rest()) {
            None => self.collect(Wait::Forever),
            Some(next) => {
                time.clock.advance_to(time.origin + Duration::from_nanos(next));
                scheduler.unpark_all();
                self.collect(Wait::Not);
            }
        }
    }
}

/// What time it is: on a worker, and on a thread that has entered a runtime, by that one's clock.
#[inline]
pub(crate) fn now() -> Instant {
    if let Some(worker) = Worker::here() {
        return worker.scheduler().time.clock.now();
    }
    start::with_entered_scheduler(|scheduler| scheduler.time.clock.now()).unwrap_or_else(Instant::now)
}

/// From this on, a wait of `duration` is not over before its time, and late by no more than timers are. A worker that has looked
/// around a moment ago need not look at the clock: that costs a quarter of what a timer does.
#[inline]
pub(crate) fn start_of(duration: Duration) -> Moment {
    match Worker::here() {
        Some(worker) if duration >= LONG && worker.scheduler().time.may_be_late => worker.not_before_now(),
        _ => now_exactly(),
    }
}

/// What [`now`] says, for timers that need a look at the clock: most don't.
#[cold]
pub(crate) fn now_exactly() -> Moment {
    now().into()
}

/// Whether the clock of the runtime that we are in stands.
pub(crate) fn is_stopped_here() -> bool {
    Worker::here().is_some_and(|worker| worker.scheduler().time.clock.is_stopped())
}
