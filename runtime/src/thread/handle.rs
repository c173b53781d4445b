//! Spawning green threads, and joining them.

use super::{Result, Thread};
#[cfg(feature = "registry")]
use crate::future;
use crate::{
    scheduler::{Scheduler, share, start},
    task::{
        Task,
        body::{ThreadSlot, closure::ClosureBody},
        join::Join,
    },
    wait::wait,
};
use fibra_coro::StackPool;
use std::{
    fmt,
    future::Future,
    io,
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

/// Starts a green thread on the runtime that we are in, or else on the process-wide default runtime.
///
/// Dropping the handle lets the thread go on, as in std. When the runtime ends, it is cancelled.
///
/// The closure may be run by any worker, and stays on that one. It shares that OS thread's thread-locals with other green
/// threads: what crates like `scoped-tls` do with them is unsound across a wait; see the [module](super).
///
/// # Panics
///
/// Outside of a runtime, if the [default runtime](crate#the-default-runtime) can't start.
///
/// ```
/// let sum = fibra::run(|| {
///     let threads: Vec<_> = (0..10).map(|n| fibra::thread::spawn(move || n * n)).collect();
///     threads.into_iter().map(|thread| thread.join().unwrap()).sum::<i32>()
/// });
/// assert_eq!(sum, 285);
/// ```
pub fn spawn<F, T>(closure: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    start::with_scheduler_for_here(|scheduler| spawn_on(scheduler, closure))
}

pub(crate) fn spawn_on<F, T>(scheduler: &Arc<Scheduler>, closure: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let slot = ThreadSlot { handle: OnceLock::new(), stack_size: None };
    JoinHandle { join: scheduler.spawn(ClosureBody::new(closure), slot) }
}

/// The same, with the handle that futures have: for functions of which the caller doesn't know what they are.
#[cfg(feature = "registry")]
pub(crate) fn spawn_as_task<F, T>(closure: F) -> future::JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let slot = ThreadSlot { handle: OnceLock::new(), stack_size: None };
    future::JoinHandle::of(spawn_with(closure, slot))
}

pub(super) fn spawn_with<F, T>(closure: F, slot: ThreadSlot) -> Join<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    start::with_scheduler_for_here(|scheduler| scheduler.spawn(ClosureBody::new(closure), slot))
}

/// A green thread before it is spawned: its name, and the size of its stack.
///
/// ```
/// fibra::run(|| {
///     let deep = fibra::thread::Builder::new().name("deep".into()).stack_size(16 << 20);
///     deep.spawn(|| ()).unwrap().join().unwrap();
/// });
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
}

impl Builder {
    /// A thread without a name, and with the runtime's usual stack.
    pub fn new() -> Self {
        Self::default()
    }

    /// The thread's name: for its handle, and for messages about it.
    pub fn name(mut self, name: String) -> Self {
        self.name = Some(name);
        self
    }

    /// The least usable size of the thread's stack in bytes. Only what is touched costs memory.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Starts the thread; see [`spawn`].
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a stack size that can't be had on any machine. One that can't be had at the moment
    /// ends the thread with [`StackUnavailable`](crate::StackUnavailable) instead.
    pub fn spawn<F, T>(self, closure: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Ok(JoinHandle { join: spawn_with(closure, self.into_slot()?) })
    }

    pub(super) fn into_slot(self) -> io::Result<ThreadSlot> {
        if let Some(size) = self.stack_size {
            StackPool::check_size(size)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        }
        let handle = OnceLock::new();
        if let Some(name) = self.name {
            handle.get_or_init(|| Thread::green(Some(name)));
        }
        Ok(ThreadSlot { handle, stack_size: self.stack_size.and_then(NonZeroUsize::new) })
    }
}

/// A green thread that can be joined, awaited and cancelled. Dropping it lets the thread go on.
///
/// As a future it is ready when the thread has ended, with what [`join`](JoinHandle::join) returns.
///
/// ```
/// let result = fibra::run(|| fibra::thread::spawn(|| panic!("oh")).join());
/// assert!(result.is_err());
/// ```
pub struct JoinHandle<T> {
    join: Join<T>,
}

impl<T> JoinHandle<T> {
    /// Waits for the thread to end.
    ///
    /// # Errors
    ///
    /// The payload of the thread's panic; a [`Cancelled`](crate::cancel::Cancelled) if it was cancelled, and a
    /// [`StackUnavailable`](crate::StackUnavailable) if it could not start.
    ///
    /// # Cancellation
    ///
    /// A cancellation point: unwinds, and the thread goes on.
    pub fn join(self) -> Result<T> {
        wait(self)
    }

    /// Whether the thread has ended, so that `join` would not wait.
    pub fn is_finished(&self) -> bool {
        self.join.is_complete()
    }

    /// Asks the thread to end: its wait, or the next one, fails; see [`cancel`](crate::cancel). A thread that has not
    /// started doesn't. Does nothing to one that has ended, or was asked before.
    ///
    /// ```
    /// fibra::run(|| {
    ///     let reader = fibra::thread::spawn(|| fibra::thread::park());
    ///     reader.cancel();
    ///     assert!(reader.join().is_err());
    /// });
    /// ```
    pub fn cancel(&self) {
        self.join.task().cancel();
    }

    /// The thread's handle.
    pub fn thread(&self) -> &Thread {
        thread_of(self.join.task())
    }
}

pub(super) fn thread_of(task: &Task) -> &Thread {
    let slot = task.header().thread().expect("a green thread has a slot");
    slot.handle.get_or_init(|| Thread::green(None))
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        ready!(share::poll_charge_join(&self.join, context));
        self.join.poll(context.waker()).map(|outcome| outcome.map_err(|failure| failure.into_payload()))
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("thread", self.thread())
            .field("finished", &self.is_finished())
            .finish()
    }
}
