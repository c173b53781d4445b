//! The end of a runtime, in three phases.
//!
//! 1. *Asked*: `cancel::is_requested` says so; nothing fails yet. That lasts for the grace period.
//! 2. *Stopping*: every live task is cancelled, and every cancellable wait fails, again and again, until its green
//!    thread ends. New tasks are cancelled as they are spawned.
//! 3. *Over*: no task is alive. The workers cancel what is in flight, hand its completions out, and leave their loops.
//!
//! If tasks are still alive when the time is up, there is no third phase: whoever asked gets an error that names
//! them, and everything that they might touch is leaked.

use super::{Scheduler, Spawner, worker::Worker};
use crate::{
    error::ShutdownError,
    primitive::{AtomicU8, Relaxed, SeqCst},
};
use fibra_driver::{Driver, Wait};
use std::{
    sync::{Arc, Condvar, PoisonError},
    thread,
    time::{Duration, Instant},
};

const RUNNING: u8 = 0;
const STOPPING: u8 = 1;
const OVER: u8 = 2;

/// How long a worker waits for what it has cancelled; what has no answer by then is leaked.
const LONGEST_WIND_UP: Duration = Duration::from_secs(1);

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
        spawners: &[Arc<Spawner>],
        grace: Duration,
        timeout: Duration,
    ) -> Result<(), ShutdownError> {
        scheduler.workers.iter().for_each(|worker| worker.home.ask_to_stop());
        let alive = || spawners.iter().map(|spawner| spawner.live.len()).sum::<usize>();
        if !grace.is_zero() {
            self.wait_in_grace(grace, alive);
        }
        scheduler.workers.iter().for_each(|worker| worker.home.stop());
        self.phase.store(STOPPING, SeqCst);
        for task in spawners.iter().flat_map(|spawner| spawner.live.snapshot()) {
            task.cancel();
            // One that was cancelled before is told again.
            task.interrupt();
        }
        if !self.wait_until_none(timeout, alive) {
            return Err(Self::error(spawners));
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
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.ended.wait_timeout_while(lock, timeout, |()| alive() > 0);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out() || alive() == 0
    }

    fn error(spawners: &[Arc<Spawner>]) -> ShutdownError {
        let alive: Vec<_> = spawners.iter().flat_map(|spawner| spawner.live.snapshot()).collect();
        let named = alive.iter().take(NAMED).map(|task| task.header().describe()).collect();
        ShutdownError::new(alive.len(), named)
    }
}

impl Worker {
    /// Takes the last letters, cancels what is in flight, and hands the completions out, so that everything that the
    /// operations own goes its way. `false`: that has left something to do.
    #[cold]
    pub(super) fn wind_up(&self) -> bool {
        self.home.close();
        self.with_driver(Driver::cancel_all);
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
