//! A runtime as a value.

mod builder;
mod handle;

pub use builder::Builder;
pub use handle::Handle;

use crate::{
    error::{RuntimeError, ShutdownError},
    future,
    metrics::Metrics,
    scheduler::{
        Scheduler,
        blocking::unblock,
        start::{self, Running},
    },
    thread, wait,
};
use fibra_driver::{BackendKind, Choice};
use std::{fmt, future::IntoFuture, mem, panic::resume_unwind, sync::Arc, time::Duration};

/// Which way of doing I/O a runtime uses; see [`Builder::backend`].
pub type Backend = BackendKind;

/// The stack of the green thread that runs `main`: as much as Linux gives a process's main thread.
const MAIN_STACK_SIZE: usize = 8 << 20;

/// Workers, their drivers, and the tasks on them.
///
/// Most programs need none by name: [`run`](crate::run) and the attributes make one. Dropping it shuts it down, as
/// [`shutdown`](Runtime::shutdown) does with the builder's times; what doesn't end in time is leaked.
///
/// ```
/// let runtime = fibra::Runtime::new()?;
/// let sum = runtime.block_on(async { fibra::future::spawn(async { 1 + 2 }).await.unwrap() });
/// assert_eq!(sum, 3);
/// # Ok::<(), fibra::RuntimeError>(())
/// ```
pub struct Runtime {
    running: Option<Running>,
    grace: Duration,
    shutdown_timeout: Duration,
}

impl Runtime {
    /// A runtime with the defaults; see [`Builder`].
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    ///
    /// ```
    /// # fn main() -> Result<(), fibra::RuntimeError> {
    /// let runtime = fibra::Runtime::new()?;
    /// # drop(runtime); Ok(()) }
    /// ```
    pub fn new() -> Result<Self, RuntimeError> {
        Builder::new().build()
    }

    pub(crate) fn from_parts(running: Running, grace: Duration, shutdown_timeout: Duration) -> Self {
        Self { running: Some(running), grace, shutdown_timeout }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("a runtime runs until it is shut down")
    }

    /// Runs `main` as a green thread of this runtime, with 8 MiB of stack, and waits for it. A panic goes on here.
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point.
    ///
    /// ```
    /// let runtime = fibra::Runtime::new()?;
    /// assert_eq!(runtime.run(|| fibra::thread::current().name().map(String::from)), Some("main".into()));
    /// # Ok::<(), fibra::RuntimeError>(())
    /// ```
    pub fn run<T: Send + 'static>(&self, main: impl FnOnce() -> T + Send + 'static) -> T {
        join_main(spawn_main(&self.running().scheduler, main))
    }

    /// Polls `future` on the calling thread until it is ready; what it spawns goes to this runtime. May be called
    /// anywhere, also inside of itself. The calling thread becomes no worker.
    ///
    /// # Cancellation
    ///
    /// A cancellation point, as [`wait`](crate::wait()).
    ///
    /// ```
    /// let runtime = fibra::Runtime::new()?;
    /// assert_eq!(runtime.block_on(async { 7 }), 7);
    /// # Ok::<(), fibra::RuntimeError>(())
    /// ```
    pub fn block_on<F: IntoFuture>(&self, future: F) -> F::Output {
        start::within(&self.running().scheduler, || wait::wait(future))
    }

    /// Spawns a future onto this runtime; as [`future::spawn`], from any thread.
    ///
    /// ```
    /// let runtime = fibra::Runtime::new()?;
    /// let task = runtime.spawn(async { 7 });
    /// assert_eq!(runtime.block_on(task).unwrap(), 7);
    /// # Ok::<(), fibra::RuntimeError>(())
    /// ```
    pub fn spawn<F>(&self, future: F) -> future::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        future::spawn_on(&self.running().scheduler, future)
    }

    /// Starts a green thread on this runtime, and doesn't wait for it; as [`thread::spawn`], from any thread.
    ///
    /// ```
    /// let runtime = fibra::Runtime::new()?;
    /// let thread = runtime.spawn_thread(|| 7);
    /// assert_eq!(thread.join().unwrap(), 7);
    /// # Ok::<(), fibra::RuntimeError>(())
    /// ```
    pub fn spawn_thread<F, T>(&self, closure: F) -> thread::JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        thread::spawn_on(&self.running().scheduler, closure)
    }

    /// What this runtime runs on, and why.
    ///
    /// ```
    /// println!("{}", fibra::Runtime::new()?.report());
    /// # Ok::<(), fibra::RuntimeError>(())
    /// ```
    pub fn report(&self) -> Report {
        let running = self.running();
        Report { workers: running.scheduler.workers.len(), choice: running.choice.clone() }
    }

    /// What the runtime has done so far, and what it is doing; see [`metrics`](crate::metrics).
    ///
    /// ```
    /// let runtime = fibra::Runtime::new()?;
    /// runtime.run(|| fibra::thread::sleep(std::time::Duration::from_millis(1)));
    /// assert!(runtime.metrics().total().operations >= 1);
    /// # Ok::<(), fibra::RuntimeError>(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        Metrics::of(&self.running().scheduler)
    }

    /// Ends the runtime: asks all tasks to stop, cancels those that are alive after `grace`, and waits for them, for
    /// `timeout` at the longest.
    ///
    /// In a forked child, which has none of the runtime's workers, it is only forgotten.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] names tasks that are still alive; they, and all that they might touch, are leaked.
    ///
    /// # Panics
    ///
    /// On one of the runtime's own workers, which can't wait for itself.
    ///
    /// ```
    /// use std::time::Duration;
    /// let runtime = fibra::Runtime::new()?;
    /// runtime.spawn(std::future::pending::<()>());
    /// assert!(runtime.shutdown(Duration::ZERO, Duration::from_secs(5)).is_ok());
    /// # Ok::<(), fibra::RuntimeError>(())
    /// ```
    pub fn shutdown(mut self, grace: Duration, timeout: Duration) -> Result<(), ShutdownError> {
        self.end(grace, timeout)
    }

    fn end(&mut self, grace: Duration, timeout: Duration) -> Result<(), ShutdownError> {
        let Some(running) = self.running.take() else { return Ok(()) };
        let scheduler = &running.scheduler;
        if scheduler.is_inherited() {
            // Its workers, and whoever could end its tasks, are in the parent.
            mem::forget(running);
            return Ok(());
        }
        if scheduler.worker_here().is_some() {
            mem::forget(running);
            panic!(
                "a fibra runtime was shut down, or dropped, on one of its own workers, which can't wait for itself"
            );
        }
        // On a worker of another runtime this must not hold up the others there: who ends here may wait for them.
        unblock(move || {
            let scheduler = &running.scheduler;
            let ended = scheduler.shutdown.run(scheduler, grace, timeout);
            if let Some(monitor) = running.monitor {
                scheduler.monitor.end(monitor);
            }
            ended?;
            for thread in running.threads {
                if let Err(payload) = thread.join() {
                    resume_unwind(payload);
                }
            }
            running.scheduler.injector.close();
            Ok(())
        })
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let is_own = self.running.as_ref().is_some_and(|running| running.scheduler.worker_here().is_some());
        if is_own && std::thread::panicking() {
            // A panic that says so would be the second one, and end the process.
            return mem::forget(self.running.take());
        }
        // What is still alive is leaked, as documented; whoever wants to know calls `shutdown`.
        let _ = self.end(self.grace, self.shutdown_timeout);
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("report", &self.report()).finish_non_exhaustive()
    }
}

fn spawn_main<T: Send + 'static>(
    scheduler: &Arc<Scheduler>,
    main: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let named = thread::Builder::new().name("main".into()).stack_size(MAIN_STACK_SIZE);
    start::within(scheduler, || named.spawn(main)).expect("8 MiB are a possible stack")
}

fn join_main<T: Send + 'static>(main: thread::JoinHandle<T>) -> T {
    wait::wait_uncancellable(main).unwrap_or_else(|payload| resume_unwind(payload))
}

/// What a runtime runs on: how many workers, which backend, and why not another one.
///
/// ```
/// let report = fibra::Runtime::new()?.report();
/// assert!(report.workers() >= 1);
/// # Ok::<(), fibra::RuntimeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    workers: usize,
    choice: Choice,
}

impl Report {
    /// The number of workers.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The backend in use.
    pub fn backend(&self) -> Backend {
        self.choice.backend()
    }

    /// How the backend was chosen, with the reasons against the others.
    pub fn choice(&self) -> &Choice {
        &self.choice
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} worker(s), {}", self.workers, self.choice)
    }
}
