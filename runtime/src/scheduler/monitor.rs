//! The monitor: a thread that sees when a worker is stuck in one task, says so, and has others take its work.
//!
//! Nothing preempts a task. One that computes for long, or blocks its OS thread (a foreign library, `std::thread::sleep`, a
//! lock of std that was held across a wait), holds up everything that belongs to its worker: the green threads that could
//! go on, letters, timers, completions. What no worker has started yet need not wait: others can steal it, if they are awake.
//!
//! ```text
//!   each 10 ms, for each worker:   does it doze, or has it gone on since the last time?       all is well
//!                                  has it tasks that anybody may run?                          wake a sleeper
//!                                  the second time: did it run, or block, in the meantime?     stop it, and look
//!                                  does a task's body run there?                               it is stuck: report
//! ```
//!
//! That a worker goes on is seen by counters that it keeps anyway: tasks run, stacks resumed. A thread that only waits for a
//! CPU is not stuck: a busy machine is nobody's fault here. [`watch`] decides all that; [`witness`] is what runs on the worker.
//!
//! While all workers doze for a while, the monitor sleeps too, until one of them wakes up and says so. That is the only thing
//! that workers do for it: a look at a flag when a sleep ends.

mod watch;
mod witness;

use super::{Scheduler, stall::OnStall, worker::Worker};
use crate::{
    error::RuntimeError,
    primitive::unmodelled::{AtomicBool, AtomicU64, Ordering},
    task::home::Doze,
};
use std::{
    panic::resume_unwind,
    sync::{Arc, OnceLock},
    thread::{self, JoinHandle, Thread},
    time::{Duration, Instant},
};

/// How often the monitor looks.
const PERIOD: Duration = Duration::from_millis(10);
/// After so many looks at which all workers dozed, it sleeps until one wakes up.
const QUIET_LOOKS: u32 = 10;

/// See the module: what the workers, and those who ask, see of it.
pub(crate) struct Monitor {
    /// Whether it sleeps until a worker wakes up.
    doze: Doze,
    /// Its thread, once that runs.
    thread: OnceLock<Thread>,
    is_on: bool,
    is_over: AtomicBool,
    /// Each worker's number in the kernel, once its thread runs.
    worker_threads: Box<[OnceLock<u32>]>,
    /// How many workers are stuck.
    stuck: AtomicU64,
    /// How often one was found stuck.
    stalls: AtomicU64,
}

impl Monitor {
    /// `is_on`: it will be started.
    pub(crate) fn new(workers: usize, is_on: bool) -> Self {
        Self {
            doze: Doze::new(),
            thread: OnceLock::new(),
            is_on,
            is_over: AtomicBool::new(false),
            worker_threads: (0..workers).map(|_| OnceLock::new()).collect(),
            stuck: AtomicU64::new(0),
            stalls: AtomicU64::new(0),
        }
    }

    /// How many workers are stuck, and how often one was found so.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.stuck.load(Ordering::Relaxed), self.stalls.load(Ordering::Relaxed))
    }

    /// A worker's thread begins: from now on it can be asked. On that thread.
    pub(crate) fn introduce(&self, worker: usize) {
        if self.is_on {
            // Where it can't be looked at, its stalls are reported without a place.
            let _ = fibra_coro::snapshot::admit();
        }
        self.worker_threads[worker].get_or_init(fibra_system::thread::id);
    }

    /// Whether all workers but one wait in the kernel, as far as that can be known; one that was woken, and waits for a CPU,
    /// does not.
    pub(crate) fn all_wait_but(&self, one: usize) -> bool {
        let others = self.worker_threads.iter().enumerate().filter(|(worker, _)| *worker != one);
        let mut activities =
            others.filter_map(|(_, thread)| fibra_system::thread::activity(*thread.get()?).ok());
        activities.all(|activity| activity.is_waiting != Some(false))
    }

    /// Ends the monitor whose thread this is, and waits for that, unless we are on it.
    pub(crate) fn end(&self, thread: JoinHandle<()>) {
        self.is_over.store(true, Ordering::Release);
        thread.thread().unpark();
        if thread.thread().id() != thread::current().id()
            && let Err(payload) = thread.join()
        {
            resume_unwind(payload);
        }
    }

    /// A worker has woken up.
    #[inline]
    fn notice(&self) {
        if self.doze.disturb() {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Sleeps until `next`, or until it is over.
    fn sleep_until(&self, next: Instant) {
        while let Some(left) = next.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            && !self.is_over()
        {
            thread::park_timeout(left);
        }
    }

    /// Sleeps until a worker wakes up, if all doze.
    fn sleep_while_all_doze(&self, scheduler: &Scheduler) {
        let is_quiet = || scheduler.workers.iter().all(|worker| worker.home.is_dozing()) && !self.is_over();
        if self.doze.prepare(is_quiet) {
            // It may return for no reason, which costs a look.
            thread::park();
            self.doze.end();
        }
    }
}

/// Starts the monitor of a scheduler.
pub(super) fn start(
    scheduler: &Arc<Scheduler>,
    on_stall: Option<OnStall>,
) -> Result<JoinHandle<()>, RuntimeError> {
    let scheduler = Arc::clone(scheduler);
    thread::Builder::new()
        .name("fibra-monitor".into())
        .spawn(move || run(&scheduler, on_stall))
        .map_err(RuntimeError::Thread)
}

fn run(scheduler: &Arc<Scheduler>, on_stall: Option<OnStall>) {
    let monitor = &scheduler.monitor;
    monitor.thread.get_or_init(thread::current);
    let mut watch = watch::Watch::new(scheduler, on_stall);
    let mut quiet_looks = 0;
    while !monitor.is_over() {
        if quiet_looks >= QUIET_LOOKS {
            monitor.sleep_while_all_doze(scheduler);
            quiet_looks = 0;
        }
        monitor.sleep_until(Instant::now() + PERIOD);
        quiet_looks = if watch.look() { quiet_looks + 1 } else { 0 };
    }
    watch.end();
}

impl Worker {
    /// The worker's sleep is over.
    #[inline]
    pub(super) fn end_sleep(&self) {
        self.home().end_sleep();
        self.scheduler().monitor.notice();
    }
}
