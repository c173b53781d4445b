//! A runtime by reference, to spawn onto it from anywhere.

use super::Runtime;
use crate::{
    future,
    scheduler::{Scheduler, start},
    thread,
};
use std::{fmt, sync::Arc};

/// Spawns onto a runtime, from any thread, for as long as that runs. Clones are the same handle.
///
/// It keeps no runtime running: when the [`Runtime`] is dropped or shut down, that ends. From then on, what is spawned
/// by a handle is dropped without having run, and its join handle says that it was cancelled. A handle that is kept
/// longer keeps some memory and a descriptor for each worker.
///
/// ```
/// let runtime = fibra::Runtime::new()?;
/// let handle = runtime.handle();
/// let task = std::thread::spawn(move || handle.spawn(async { 7 })).join().unwrap();
/// assert_eq!(fibra::wait(task).unwrap(), 7);
///
/// let handle = runtime.handle();
/// drop(runtime);
/// assert!(fibra::wait(handle.spawn(async { 7 })).unwrap_err().is_cancelled());
/// # Ok::<(), fibra::RuntimeError>(())
/// ```
#[derive(Clone)]
pub struct Handle {
    scheduler: Arc<Scheduler>,
}

impl Handle {
    /// The runtime that [`future::spawn`] and [`thread::spawn`] spawn onto, called from here: the one that we are in,
    /// or else the process-wide default runtime.
    ///
    /// # Panics
    ///
    /// If that is the default runtime, and it can't start; see [the default runtime](crate#the-default-runtime).
    ///
    /// ```
    /// let seven = fibra::run(|| fibra::Handle::current().spawn_thread(|| 7).join().unwrap());
    /// assert_eq!(seven, 7);
    /// ```
    pub fn current() -> Self {
        Self { scheduler: start::with_scheduler_for_here(Arc::clone) }
    }

    /// The runtime that we are in: on its workers, in [`unblock`](crate::unblock) and in [`Runtime::block_on`]. `None`
    /// elsewhere; the default runtime is not started.
    ///
    /// ```
    /// assert!(fibra::Handle::try_current().is_none());
    /// assert!(fibra::run(|| fibra::Handle::try_current().is_some()));
    /// ```
    pub fn try_current() -> Option<Self> {
        start::scheduler_here().map(|scheduler| Self { scheduler })
    }

    /// Spawns a future; as [`Runtime::spawn`], and cancelled at once if the runtime has ended.
    ///
    /// # Panics
    ///
    /// In a forked child of the runtime's process, which has none of its workers.
    ///
    /// ```
    /// let handle = fibra::Handle::current();
    /// assert_eq!(fibra::wait(handle.spawn(async { 7 })).unwrap(), 7);
    /// ```
    pub fn spawn<F>(&self, future: F) -> future::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        future::spawn_on(&self.scheduler, future)
    }

    /// Spawns a green thread; as [`Runtime::spawn_thread`], and cancelled at once if the runtime has ended.
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// ```
    /// let handle = fibra::Handle::current();
    /// assert_eq!(handle.spawn_thread(|| 7).join().unwrap(), 7);
    /// ```
    pub fn spawn_thread<F, T>(&self, closure: F) -> thread::JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        thread::spawn_on(&self.scheduler, closure)
    }
}

impl Runtime {
    /// A handle of this runtime, which spawns onto it from elsewhere.
    ///
    /// ```
    /// let runtime = fibra::Runtime::new()?;
    /// let handle = runtime.handle();
    /// assert_eq!(handle.spawn_thread(|| 7).join().unwrap(), 7);
    /// # Ok::<(), fibra::RuntimeError>(())
    /// ```
    pub fn handle(&self) -> Handle {
        Handle { scheduler: Arc::clone(&self.running().scheduler) }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("workers", &self.scheduler.workers.len()).finish_non_exhaustive()
    }
}
