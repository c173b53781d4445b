//! How a runtime is to be.

use super::{Backend, Runtime, join_main, spawn_main};
use crate::{
    error::RuntimeError,
    scheduler::{
        Scheduler,
        plan::Wishes,
        stall::{OnStall, Stall},
        start,
    },
};
use std::{sync::Arc, time::Duration};

/// Makes a [`Runtime`].
///
/// The environment wins over the builder, so that whoever runs a program can change it: `FIBRA_BACKEND` (one that the
/// system has, of `io_uring`, `epoll`, `kqueue` and `iocp`), `FIBRA_WORKERS` (a number), `FIBRA_STACK_SIZE` (bytes, or
/// `64K`, `2M`).
///
/// ```
/// let length = fibra::Builder::new().workers(1).stack_size(64 << 10).run(|| "hello".len());
/// assert_eq!(length, 5);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it builds or runs"]
pub struct Builder {
    wishes: Wishes,
    grace: Duration,
    shutdown_timeout: Option<Duration>,
}

impl Builder {
    /// How long a shutdown waits for cancelled tasks, unless the builder is told otherwise.
    const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

    /// A builder with the defaults: a worker for each core that the process may use (its CPU quota included), the best
    /// backend that works, 2 MiB of stack for a green thread.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of workers, each an OS thread: 1 to 4096.
    pub fn workers(mut self, workers: usize) -> Self {
        self.wishes.workers = Some(workers);
        self
    }

    /// The backend. If it isn't there, the runtime doesn't start; by default, the best one that works is taken.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.wishes.backend = Some(backend);
        self
    }

    /// A green thread's stack in bytes, unless its own builder says otherwise. Only what is touched costs memory.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.wishes.stack_size = Some(bytes);
        self
    }

    /// How late a timer may be, so that several end together and wake a worker once: half a millisecond by default, and
    /// never more than a sixteenth of the timer's length, counted from when its worker last looked at the clock. Timers are
    /// never early.
    ///
    /// A smaller slack costs processor time where many timers are running: with 100,000 a second, each wakes its worker
    /// up. With zero, a timer is as late as the kernel makes it: some ten microseconds.
    ///
    /// ```
    /// use std::time::Duration;
    /// fibra::Builder::new().timer_slack(Duration::ZERO).run(|| fibra::thread::sleep(Duration::from_micros(100)));
    /// ```
    pub fn timer_slack(mut self, slack: Duration) -> Self {
        self.wishes.timer_slack = Some(slack);
        self
    }

    /// Whether the runtime's clock stands from the start, as after [`time::pause`](crate::time::pause). For tests.
    ///
    /// ```
    /// use fibra::{thread, time};
    /// use std::time::Duration;
    /// fibra::Builder::new().start_paused(true).run(|| {
    ///     let before = time::now();
    ///     thread::sleep(Duration::from_secs(3600));
    ///     assert_eq!(time::now() - before, Duration::from_secs(3600));
    /// });
    /// ```
    pub fn start_paused(mut self, paused: bool) -> Self {
        self.wishes.start_paused = paused;
        self
    }

    /// Whether a thread watches the workers, and has others take the tasks that wait behind a worker that is stuck in one;
    /// see [`stall`](crate::stall). Yes, by default.
    ///
    /// ```
    /// fibra::Builder::new().monitor(false).run(|| ());
    /// ```
    pub fn monitor(mut self, wanted: bool) -> Self {
        self.wishes.monitor = Some(wanted);
        self
    }

    /// Calls `hear` for each worker that is stuck in a task for more than about 10 ms: when it is found, and once more when
    /// it is over. See [`stall`](crate::stall).
    ///
    /// It is called on the monitor's thread, which looks at no worker meanwhile: it should not take long, nor wait for what
    /// a stuck worker has to do. What it spawns goes to this runtime. If it panics, that is all: it will be called again.
    /// There is none to be called if the [monitor](Builder::monitor) is switched off.
    ///
    /// ```
    /// fibra::Builder::new().on_stall(|stall| eprintln!("{stall}")).run(|| ());
    /// ```
    pub fn on_stall(mut self, hear: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        self.wishes.on_stall = Some(OnStall::new(hear));
        self
    }

    /// The most threads that the runtime has for work that blocks, beside its workers: 512 by default, at least 1. Such
    /// work is [`unblock`](crate::unblock)'s, most of [`fs`](crate::fs), the lookups of names, and what the backend
    /// can't do without blocking. What is beyond the limit waits for a thread to be free.
    ///
    /// The threads are started when they are needed. Few of them are for work that computes, or that shall not have
    /// more of a disk or a database at once; see [`unblock`](crate::unblock) for work that waits for other work.
    ///
    /// ```
    /// let rows = fibra::Builder::new().max_blocking_threads(4).run(|| fibra::unblock(|| vec!["a row"]));
    /// assert_eq!(rows.len(), 1);
    /// ```
    pub fn max_blocking_threads(mut self, threads: usize) -> Self {
        self.wishes.offload.max_threads = threads;
        self
    }

    /// How long a thread for work that blocks stays without any before it ends: 10 s by default.
    ///
    /// ```
    /// use std::time::Duration;
    /// fibra::Builder::new().blocking_keep_alive(Duration::from_secs(1)).run(|| fibra::unblock(|| ()));
    /// ```
    pub fn blocking_keep_alive(mut self, idle: Duration) -> Self {
        self.wishes.offload.keep_alive = idle;
        self
    }

    /// How long the runtime, when it is dropped, lets tasks end by themselves before it cancels them. Zero by default.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long the runtime, when it is dropped, waits for the tasks that it has cancelled: 5 s by default.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = Some(timeout);
        self
    }

    /// Starts the runtime.
    ///
    /// # Errors
    ///
    /// If a setting makes no sense, here or in the environment; if the backend that was asked for is not there; if a
    /// thread can't be started.
    ///
    /// ```
    /// assert!(fibra::Builder::new().workers(0).build().is_err() || std::env::var_os("FIBRA_WORKERS").is_some());
    /// ```
    pub fn build(self) -> Result<Runtime, RuntimeError> {
        Ok(self.start(|_| ())?.0)
    }

    fn start<T>(self, first: impl FnOnce(&Arc<Scheduler>) -> T) -> Result<(Runtime, T), RuntimeError> {
        let (running, first) = start::start(&self.wishes.resolve()?, first)?;
        let shutdown_timeout = self.shutdown_timeout.unwrap_or(Self::SHUTDOWN_TIMEOUT);
        Ok((Runtime::from_parts(running, self.grace, shutdown_timeout), first))
    }

    /// Starts a runtime, runs `main` on it as a green thread with 8 MiB of stack, and shuts it down when that returns:
    /// what `main` left behind is cancelled. A panic of `main` goes on here.
    ///
    /// # Errors
    ///
    /// As [`build`](Builder::build).
    ///
    /// ```
    /// assert_eq!(fibra::Builder::new().try_run(|| 42)?, 42);
    /// # Ok::<(), fibra::RuntimeError>(())
    /// ```
    pub fn try_run<T: Send + 'static>(
        self,
        main: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RuntimeError> {
        let (_runtime, main) = self.start(|scheduler| spawn_main(scheduler, main))?;
        Ok(join_main(main))
    }

    /// The same for programs that can't do without.
    ///
    /// # Panics
    ///
    /// If the runtime doesn't start.
    pub fn run<T: Send + 'static>(self, main: impl FnOnce() -> T + Send + 'static) -> T {
        self.try_run(main).unwrap_or_else(|error| panic!("fibra did not start: {error}"))
    }
}
