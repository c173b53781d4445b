//! The pool of threads for calls that block: what a backend cannot do itself, name lookups, and user code that says so.
//!
//! ```text
//!   execute(job) ──► queue ──► a thread on its way already?  nothing to do
//!                              an idle thread?               wake the one that went idle last
//!                              room for another?             start it
//!                              else                          the job waits for the next thread that is done
//! ```
//!
//! Everything rests on two rules, both kept under the one lock:
//!
//! 1. *A thread goes idle or ends only while the queue is empty.* So a queued job needs just one living thread to run.
//! 2. *A job stays in the queue only if a thread lives.* A job for which the very first thread cannot be started goes
//!    back to the caller, who alone can still do something about it.
//!
//! Idle threads form a stack. Waking the one that went idle last keeps caches warm, and lets the others reach their
//! keep-alive: in a round-robin each of 500 threads would get a job now and then, and none would ever end.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

mod error;
#[cfg(test)]
mod tests;

pub use error::OffloadError;
use error::Reason;

/// A piece of work for the pool.
type Job = Box<dyn FnOnce() + Send>;

/// How an [`Offload`] pool behaves.
///
/// ```
/// use fibra_driver::offload::{Offload, OffloadConfig};
///
/// let pool = Offload::new(OffloadConfig { max_threads: 4, ..OffloadConfig::default() });
/// assert_eq!(pool.stats().threads, 0); // none is started before it is needed
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffloadConfig {
    /// The most threads alive at once; 0 counts as 1. The default, 512, is meant for threads that sleep in the kernel:
    /// it bounds memory, not parallelism. Jobs beyond it queue.
    pub max_threads: usize,
    /// How long a thread stays idle before it ends (10 s by default).
    pub keep_alive: Duration,
    /// The name of the threads, as debuggers and `/proc` show it.
    pub name: String,
}

impl Default for OffloadConfig {
    fn default() -> Self {
        OffloadConfig {
            max_threads: 512,
            keep_alive: Duration::from_secs(10),
            name: String::from("fibra-offload"),
        }
    }
}

/// A pool of threads for blocking calls, that grows and shrinks. Clones share it.
///
/// When the last clone is dropped, jobs that are queued still run, and the threads end after them.
///
/// A job may wait for anything except another job of the same pool: with all threads taken by jobs that wait for queued
/// ones, none can go on.
///
/// ```
/// use fibra_driver::offload::Offload;
/// use std::sync::mpsc;
///
/// let pool = Offload::default();
/// let (sender, receiver) = mpsc::channel();
/// pool.execute(move || sender.send(6 * 7).expect("the receiver waits"))?;
/// assert_eq!(receiver.recv(), Ok(42));
/// # Ok::<(), fibra_driver::offload::OffloadError>(())
/// ```
#[derive(Clone)]
pub struct Offload {
    owner: Arc<Owner>,
}

/// What the clones share. The threads hold `Shared` instead, so that the end of the last clone is seen here.
struct Owner {
    shared: Arc<Shared>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// Starts a thread that runs the closure; a field, so that tests can let it fail.
type StartThread = Box<dyn Fn(Job) -> io::Result<()> + Send + Sync>;

struct Shared {
    state: Mutex<State>,
    /// Signalled when the last thread has left, for [`Offload::shutdown`].
    all_ended: Condvar,
    max_threads: usize,
    keep_alive: Duration,
    start_thread: StartThread,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// Threads that were started and have not left their loop.
    alive: usize,
    /// Threads that were started or woken and have not looked at the queue since. Each will take a job, so the first
    /// `waking` jobs of the queue need nobody else.
    waking: usize,
    /// The threads that wait, the latest on top. Whoever wakes one takes it off.
    idle: Vec<Sleeper>,
    /// The ticket of the next thread that goes idle.
    next_ticket: u64,
    closed: bool,
    executed: u64,
    panicked: u64,
    failed_starts: u64,
}

/// A thread that waits.
struct Sleeper {
    /// Ascends through the stack, so that a thread finds itself in it, or not, without looking at all the others.
    ticket: u64,
    thread: Thread,
}

impl Offload {
    /// Makes a pool; it starts no thread yet.
    ///
    /// # Panics
    ///
    /// If the name contains a NUL byte.
    ///
    /// ```
    /// use fibra_driver::offload::{Offload, OffloadConfig};
    ///
    /// let pool = Offload::new(OffloadConfig { name: "lookups".into(), ..OffloadConfig::default() });
    /// # drop(pool);
    /// ```
    pub fn new(config: OffloadConfig) -> Self {
        assert!(!config.name.contains('\0'), "the name of a thread cannot contain a NUL byte");
        let name = config.name;
        let start_thread: StartThread =
            Box::new(move |body| thread::Builder::new().name(name.clone()).spawn(body).map(drop));
        Self::with_start(config.max_threads, config.keep_alive, start_thread)
    }

    fn with_start(max_threads: usize, keep_alive: Duration, start_thread: StartThread) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            all_ended: Condvar::new(),
            max_threads: max_threads.max(1),
            keep_alive,
            start_thread,
        });
        Offload { owner: Arc::new(Owner { shared }) }
    }

    /// Runs `job` on a thread of the pool, as soon as one is free. Never blocks for the job.
    ///
    /// A panic of the job ends with the job: it is counted, and the thread goes on.
    ///
    /// # Errors
    ///
    /// The job comes back in the error if the pool is [shut down](Self::shutdown), or if no thread is alive and the
    /// system refuses to start one. While a thread is alive, a refusal only means that the job waits for it.
    ///
    /// ```
    /// use fibra_driver::offload::Offload;
    /// use std::time::Duration;
    ///
    /// let pool = Offload::default();
    /// pool.shutdown(Duration::ZERO);
    /// let error = pool.execute(|| println!("runs here, then")).expect_err("it is shut down");
    /// error.into_job()();
    /// ```
    pub fn execute(&self, job: impl FnOnce() + Send + 'static) -> Result<(), OffloadError> {
        self.owner.shared.execute(Box::new(job))
    }

    /// Refuses new jobs from now on, in all clones, and waits at most `timeout` until every queued job has run and the
    /// threads have ended. Returns whether they have; if not, they still will, unattended.
    ///
    /// Called by a job it waits in vain: its own thread cannot end before.
    ///
    /// ```
    /// use fibra_driver::offload::Offload;
    /// use std::time::Duration;
    ///
    /// let pool = Offload::default();
    /// pool.execute(|| println!("runs before shutdown returns"))?;
    /// assert!(pool.shutdown(Duration::MAX));
    /// # Ok::<(), fibra_driver::offload::OffloadError>(())
    /// ```
    pub fn shutdown(&self, timeout: Duration) -> bool {
        let shared = &*self.owner.shared;
        shared.close();
        let alive = |state: &mut State| state.alive > 0;
        let state = shared.lock();
        // `Instant + Duration::MAX` overflows: the wait is bounded by nothing then.
        if Instant::now().checked_add(timeout).is_none() {
            drop(shared.all_ended.wait_while(state, alive).unwrap_or_else(PoisonError::into_inner));
            return true;
        }
        let (state, _) = shared
            .all_ended
            .wait_timeout_while(state, timeout, alive)
            .unwrap_or_else(PoisonError::into_inner);
        state.alive == 0
    }

    /// What the pool does at this moment.
    ///
    /// ```
    /// let pool = fibra_driver::offload::Offload::default();
    /// assert_eq!(pool.stats().queued, 0);
    /// ```
    pub fn stats(&self) -> OffloadStats {
        let state = self.owner.shared.lock();
        OffloadStats {
            threads: state.alive,
            idle: state.idle.len(),
            queued: state.queue.len(),
            executed: state.executed,
            panicked: state.panicked,
            failed_starts: state.failed_starts,
        }
    }
}

impl Default for Offload {
    /// A pool with the default [`OffloadConfig`].
    fn default() -> Self {
        Offload::new(OffloadConfig::default())
    }
}

impl fmt::Debug for Offload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offload").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Shared {
    /// No foreign code runs under the lock, so nobody can have left the state half-changed: poison means nothing here.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn execute(self: &Arc<Self>, job: Job) -> Result<(), OffloadError> {
        let mut state = self.lock();
        if state.closed {
            return Err(OffloadError::new(Reason::ShutDown, job));
        }
        state.queue.push_back(job);
        if state.queue.len() <= state.waking {
            return Ok(());
        }
        if let Some(sleeper) = state.idle.pop() {
            state.waking += 1;
            drop(state);
            sleeper.thread.unpark();
            return Ok(());
        }
        if state.alive < self.max_threads {
            return self.grow(&mut state);
        }
        Ok(())
    }

    /// Starts one more thread for the job at the back of the queue.
    ///
    /// The lock is held meanwhile. Else, between the start and its failure, others could queue jobs that count on a
    /// thread that never comes.
    fn grow(self: &Arc<Self>, state: &mut State) -> Result<(), OffloadError> {
        let shared = Arc::clone(self);
        let Err(error) = (self.start_thread)(Box::new(move || shared.thread_main())) else {
            state.alive += 1;
            state.waking += 1;
            return Ok(());
        };
        state.failed_starts += 1;
        if state.alive > 0 {
            return Ok(());
        }
        let job = state.queue.pop_back().expect("the job was pushed under this lock");
        Err(OffloadError::new(Reason::NoThread(error), job))
    }

    /// The life of a thread of the pool.
    fn thread_main(&self) {
        let mut state = self.lock();
        state.waking -= 1;
        loop {
            while let Some(job) = state.queue.pop_front() {
                drop(state);
                let panicked = !run_contained(job);
                state = self.lock();
                state.executed += 1;
                state.panicked += u64::from(panicked);
            }
            let woken;
            (state, woken) = self.idle(state);
            if !woken {
                break;
            }
        }
        state.alive -= 1;
        if state.alive == 0 {
            self.all_ended.notify_all();
        }
    }

    /// Waits for work. Returns whether there may be some; `false` after `keep_alive` or once the pool is closed. The
    /// queue is empty then, and still under the lock that saw it so.
    fn idle<'a>(&'a self, mut state: MutexGuard<'a, State>) -> (MutexGuard<'a, State>, bool) {
        if state.closed {
            return (state, false);
        }
        let since = Instant::now();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.idle.push(Sleeper { ticket, thread: thread::current() });
        loop {
            let remaining = self.keep_alive.saturating_sub(since.elapsed());
            drop(state);
            thread::park_timeout(remaining);
            state = self.lock();
            // A wake-up without having been taken off the stack is somebody else's `unpark`, left by an earlier job.
            let Ok(position) = state.idle.binary_search_by_key(&ticket, |sleeper| sleeper.ticket) else {
                state.waking -= 1;
                return (state, true);
            };
            if since.elapsed() >= self.keep_alive {
                state.idle.remove(position);
                return (state, false);
            }
        }
    }

    /// Lets no job in any more and wakes the idle threads, which then end.
    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let sleepers = std::mem::take(&mut state.idle);
        state.waking += sleepers.len();
        drop(state);
        for sleeper in sleepers {
            sleeper.thread.unpark();
        }
    }
}

/// Runs a job and says whether it returned; a panic goes no further than here.
fn run_contained(job: Job) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(job)) else { return true };
    // The payload is user data too, and its destructor may panic as well. What *that* throws is leaked: somewhere this
    // has to end, and the thread must survive.
    if let Err(second) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        std::mem::forget(second);
    }
    false
}

/// A snapshot of an [`Offload`] pool.
///
/// ```
/// let stats = fibra_driver::offload::Offload::default().stats();
/// assert_eq!((stats.threads, stats.idle, stats.executed), (0, 0, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OffloadStats {
    /// Threads alive.
    pub threads: usize,
    /// Threads among them that wait for a job.
    pub idle: usize,
    /// Jobs that no thread has taken yet.
    pub queued: usize,
    /// Jobs that have ended since the pool was made, by returning or by a panic.
    pub executed: u64,
    /// Jobs that ended by a panic.
    pub panicked: u64,
    /// How often the system refused to start a thread.
    pub failed_starts: u64,
}

impl OffloadStats {
    /// Whether no job runs or waits.
    ///
    /// ```
    /// assert!(fibra_driver::Offload::default().stats().is_idle());
    /// ```
    pub fn is_idle(&self) -> bool {
        self.queued == 0 && self.threads == self.idle
    }
}
