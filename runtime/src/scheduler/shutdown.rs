//! The end of a runtime, in three phases.
//!
//! 1. *Asked*: `cancel::is_requested` says so; nothing fails yet. That lasts for the grace period.
//! 2. *Stopping*: every live task is cancelled, and every cancellable wait fails, again and again, until its green
//!    thread ends. Tasks in the registers are told, the others find out when they are run, or when they are about to wait.
//! 3. *Over*: no task is alive. The workers cancel what is in flight, hand its completions out, and leave their loops.
//!
//! If tasks are still alive when the time is up, there is no third phase: whoever asked gets an error that names
//! them, and everything that they might touch is leaked.

use super::{Scheduler, register::Register, worker::Worker};
use crate::{
    error::ShutdownError,
    primitive::{AtomicU8, Relaxed, SeqCst, fence},
};
use fibra_driver::{Driver, Wait};
use std::{
    sync::{Condvar, PoisonError},
    thread,
    time::{Duration, Instant},
};

const RUNNING: u8 = 0;
const STOPPING: u8 = 1;
const OVER: u8 = 2;

/// How long a worker waits for what it has cancelled; what has no answer by then is leaked.
const LONGEST_WIND_UP: Duration = Duration::from_secs(1);

/// How long a shutdown sleeps at most before it counts again who is alive.
const LOOK_PERIOD: Duration = Duration::from_millis(5);

/// How many tasks an error names.
const NAMED: usize = 16;

/// See the module.
pub(crate) struct Shutdown {
    phase: AtomicU8,
    /// Guards nothing: it orders a task's end against the wait for it.
    lock: std::sync::Mutex<()>,
    ended: Condvar,
}

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self { phase: AtomicU8::new(RUNNING), lock: std::sync::Mutex::new(()), ended: Condvar::new() }
    }

    /// Whether the workers leave their loops.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.phase.load(Relaxed) == OVER
    }

    /// Whether new tasks are cancelled.
    #[inline]
    pub(crate) fn is_stopping(&self) -> bool {
        self.phase.load(SeqCst) != RUNNING
    }

    /// A task has left the list of live ones.
    #[inline]
    pub(crate) fn task_finished(&self) {
        if self.phase.load(SeqCst) != RUNNING {
            self.tell();
        }
    }

    #[cold]
    fn tell(&self) {
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.ended.notify_all();
    }

    /// Goes through the phases. Called once, on a thread that is no worker of this scheduler.
    pub(crate) fn run(
        &self,
        scheduler: &Scheduler,
        grace: Duration,
        timeout: Duration,
    ) -> Result<(), ShutdownError> {
        scheduler.workers.iter().for_each(|worker| worker.home.ask_to_stop());
        let alive = || Register::tasks(scheduler.registers.iter()).alive as usize;
        if !grace.is_zero() {
            self.wait_in_grace(grace, alive);
        }
        scheduler.workers.iter().for_each(|worker| worker.home.stop());
        self.phase.store(STOPPING, SeqCst);
        // Before anybody is counted: see `Scheduler::inject_new`.
        fence(SeqCst);
        for task in scheduler.registers.iter().flat_map(Register::listed) {
            task.cancel();
            // One that was cancelled before is told again.
            task.interrupt();
        }
        if !self.wait_until_none(timeout, alive) {
            return Err(Self::error(scheduler, alive()));
        }
        self.phase.store(OVER, SeqCst);
        scheduler.workers.iter().for_each(|worker| worker.home.unpark());
        Ok(())
    }

    /// Tasks that end in the grace period tell nobody, so that the running state stays cheap: look now and then.
    fn wait_in_grace(&self, grace: Duration, alive: impl Fn() -> usize) {
        let start = Instant::now();
        while alive() > 0 && start.elapsed() < grace {
            thread::sleep(Duration::from_millis(1).min(grace.saturating_sub(start.elapsed())));
        }
    }

    fn wait_until_none(&self, timeout: Duration, alive: impl Fn() -> usize) -> bool {
        let start = Instant::now();
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while alive() > 0 {
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return false;
            }
            // An end is counted by a plain store, and then the phase is looked at: one that does not see it yet tells
            // nobody.
            let waited = self.ended.wait_timeout(lock, left.min(LOOK_PERIOD));
            lock = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Tasks that have never waited have no names, and are in no list.
    fn error(scheduler: &Scheduler, alive: usize) -> ShutdownError {
        let listed: Vec<_> = scheduler.registers.iter().flat_map(Register::listed).collect();
        let named = listed.iter().take(NAMED).map(|task| task.header().describe()).collect();
        ShutdownError::new(alive.max(listed.len()), listed.len(), named)
    }
}

impl Worker {
    /// Takes the last letters, cancels what is in flight, stops all timers, and hands the completions out, so that everything that the
    /// operations own goes its way. `false`: that has left something to do.
    #[cold]
    pub(super) fn wind_up(&self) -> bool {
        self.home.close();
        self.with_driver(Driver::cancel_all);
        self.with_driver(Driver::stop_all_timers);
        let end = Instant::now() + LONGEST_WIND_UP;
        self.turn(Wait::Not);
        while !self.has_at_hand()
            && self.with_driver(|driver| driver.ops_in_flight()) > 0
            && Instant::now() < end
        {
            self.turn(Wait::Until(end));
        }
        !self.has_at_hand()
    }
}
