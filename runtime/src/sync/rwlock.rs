//! [`RwLock`]: std's, except that who waits for it parks a green thread, not an OS thread.

mod guards;
mod raw;

pub use self::guards::{RwLockReadGuard, RwLockWriteGuard};

use self::raw::{AcquireRead, AcquireWrite, RawRwLock};
use crate::primitive::{AtomicBool, Relaxed};
use crate::wait::wait_uncancellable;
use std::{
    cell::UnsafeCell,
    fmt,
    future::Future,
    panic::{RefUnwindSafe, UnwindSafe},
    pin::Pin,
    sync::{LockResult, PoisonError, TryLockError, TryLockResult},
    task::{Context, Poll},
};

/// Many readers at a time, or one writer: for green threads, futures and OS threads alike.
///
/// It has the interface of [`std::sync::RwLock`], poisoning included, and its error types are std's own. A
/// green thread that has to wait parks and leaves its worker to others; it may be held across waits of any
/// kind, as `std`'s may not be. Only a writer's panic poisons it.
///
/// **Fairness.** Readers and writers take turns while both wait. A reader that comes while a writer waits waits behind
/// it; when the last reader leaves, the writer that has waited longest is handed the lock. When a writer leaves, all
/// readers that wait by then come in together, before the next writer. So neither starve. Between writers, with no reader
/// waiting, it is as with a [`Mutex`](super::Mutex): a lock that is free goes to whoever asks first, until one that was
/// woken for it has waited for half a millisecond.
///
/// **Reading twice.** A thread that holds the lock for reading, and asks for it again while a writer waits, waits for ever:
/// the writer waits for the first guard, and the second waits for the writer.
///
/// **Cancellation.** [`read`](RwLock::read) and [`write`](RwLock::write) are not cancellation points: cancelling a green
/// thread that waits for the lock takes effect at its next one.
///
/// # Examples
///
/// ```
/// use fibra::sync::RwLock;
///
/// static NAMES: RwLock<Vec<&str>> = RwLock::new(Vec::new());
///
/// NAMES.write().unwrap().push("ada");
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| assert_eq!(NAMES.read().unwrap().len(), 1));
///     }
/// });
/// ```
pub struct RwLock<T: ?Sized> {
    raw: RawRwLock,
    /// Its own flag, not a bit of the lock's word, so that a poisoned lock is as fast as any.
    poisoned: AtomicBool,
    data: UnsafeCell<T>,
}

// SAFETY: `data` is reached through `&mut RwLock`; through a guard for writing, beside which there is no other guard, which
// sends `T` from thread to thread; or through guards for reading, which share it.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// SAFETY: nothing in a lock belongs to the thread it was made on.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}

// What a panic may leave half done behind the lock is reported by the poison flag.
impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

impl<T> RwLock<T> {
    /// A lock that is free and holds `value`.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::RwLock;
    ///
    /// static LIMIT: RwLock<u32> = RwLock::new(10);
    /// *LIMIT.write().unwrap() = 20;
    /// ```
    #[cfg(not(loom))]
    pub const fn new(value: T) -> Self {
        Self { raw: RawRwLock::new(), poisoned: AtomicBool::new(false), data: UnsafeCell::new(value) }
    }

    /// A lock that is free and holds `value`; not `const`, as loom's atomics are not.
    #[cfg(loom)]
    pub fn new(value: T) -> Self {
        Self { raw: RawRwLock::new(), poisoned: AtomicBool::new(false), data: UnsafeCell::new(value) }
    }

    /// Consumes the lock and returns what it holds.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], which holds the value too, if a writer panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = fibra::sync::RwLock::new(5);
    /// assert_eq!(lock.into_inner().unwrap(), 5);
    /// ```
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.is_poisoned();
        let value = self.data.into_inner();
        if poisoned { Err(PoisonError::new(value)) } else { Ok(value) }
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Takes the lock for reading, waiting while a writer has it or waits for it; dropping the guard gives it back.
    ///
    /// A green thread parks; a future's poll parks the stack that it stands on; an OS thread blocks. In
    /// `async` code [`read_async`](RwLock::read_async) needs no stack. Not a cancellation point.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], which holds the guard too, if a writer panicked.
    ///
    /// # Panics
    ///
    /// If 2^30 readers have it.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = fibra::sync::RwLock::new(1);
    /// let (one, another) = (lock.read().unwrap(), lock.read().unwrap());
    /// assert_eq!(*one + *another, 2);
    /// ```
    #[inline]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        if !self.raw.try_read() {
            self.wait_to_read();
        }
        RwLockReadGuard::locked(self)
    }

    /// Takes the lock for writing, waiting while anybody else has it; dropping the guard gives it back.
    ///
    /// Waits as [`read`](RwLock::read) does. In `async` code [`write_async`](RwLock::write_async) needs no stack. Not a
    /// cancellation point.
    ///
    /// Who writes while it holds the lock already waits for ever.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], which holds the guard too, if a writer panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// let balance = fibra::sync::RwLock::new(100);
    /// *balance.write().unwrap() -= 30;
    /// assert_eq!(*balance.read().unwrap(), 70);
    /// ```
    #[inline]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        if !self.raw.try_write() {
            self.wait_to_write();
        }
        RwLockWriteGuard::locked(self)
    }

    #[cold]
    fn wait_to_read(&self) {
        wait_uncancellable(self.raw.acquire_read());
    }

    #[cold]
    fn wait_to_write(&self) {
        wait_uncancellable(self.raw.acquire_write());
    }

    /// As [`read`](RwLock::read), for `async` code: the future is ready once the lock is taken.
    ///
    /// The guard is `Send` where the lock may be shared, and so may be held across an `.await`.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], which holds the guard too, if a writer panicked.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up the wait, and the lock if it was handed over already.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::RwLock;
    ///
    /// async fn longest(names: &RwLock<Vec<String>>) -> usize {
    ///     names.read_async().await.unwrap().iter().map(String::len).max().unwrap_or(0)
    /// }
    /// assert_eq!(fibra::wait(longest(&RwLock::new(vec!["ada".into(), "grace".into()]))), 5);
    /// ```
    pub fn read_async(&self) -> impl Future<Output = LockResult<RwLockReadGuard<'_, T>>> {
        Reading { lock: self, acquire: self.raw.acquire_read() }
    }

    /// As [`write`](RwLock::write), for `async` code: the future is ready once the lock is taken.
    ///
    /// The guard is `Send` where the lock may be shared, and so may be held across an `.await`.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], which holds the guard too, if a writer panicked.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up the wait, and the turn with it: were it next, the ones behind it are. Readers that it
    /// kept out come in.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::RwLock;
    ///
    /// async fn rename(name: &RwLock<String>, to: &str) {
    ///     *name.write_async().await.unwrap() = to.into();
    /// }
    /// let name = RwLock::new("ada".to_owned());
    /// fibra::wait(rename(&name, "grace"));
    /// assert_eq!(name.into_inner().unwrap(), "grace");
    /// ```
    pub fn write_async(&self) -> impl Future<Output = LockResult<RwLockWriteGuard<'_, T>>> {
        Writing { lock: self, acquire: self.raw.acquire_write() }
    }

    /// Takes the lock for reading if no writer has it or waits for it, and never waits.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if it can't be had; [`TryLockError::Poisoned`], with the guard, if a writer panicked.
    ///
    /// # Panics
    ///
    /// If 2^30 readers have it.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = fibra::sync::RwLock::new(1);
    /// let writing = lock.write().unwrap();
    /// assert!(lock.try_read().is_err());
    /// drop(writing);
    /// assert_eq!(*lock.try_read().unwrap(), 1);
    /// ```
    #[inline]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        if self.raw.try_read() { Ok(RwLockReadGuard::locked(self)?) } else { Err(TryLockError::WouldBlock) }
    }

    /// Takes the lock for writing if it is free, and never waits.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if it is not free; [`TryLockError::Poisoned`], with the guard, if a writer panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = fibra::sync::RwLock::new(1);
    /// let reading = lock.read().unwrap();
    /// assert!(lock.try_write().is_err());
    /// drop(reading);
    /// *lock.try_write().unwrap() = 2;
    /// ```
    #[inline]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        if self.raw.try_write() { Ok(RwLockWriteGuard::locked(self)?) } else { Err(TryLockError::WouldBlock) }
    }

    /// Whether a writer has panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = fibra::sync::RwLock::new(());
    /// assert!(!lock.is_poisoned());
    /// ```
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Relaxed)
    }

    /// Declares what the lock holds sound again, after a writer panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::RwLock;
    /// use std::panic::catch_unwind;
    ///
    /// let lock = RwLock::new(0);
    /// let panicked = catch_unwind(|| {
    ///     let mut guard = lock.write().unwrap();
    ///     *guard = 7;
    ///     panic!("half way");
    /// });
    /// assert!(panicked.is_err());
    ///
    /// *lock.write().unwrap_err().into_inner() = 0;
    /// lock.clear_poison();
    /// assert_eq!(*lock.read().unwrap(), 0);
    /// ```
    #[inline]
    pub fn clear_poison(&self) {
        self.poisoned.store(false, Relaxed);
    }

    /// Relaxed: the unlock that follows publishes it to the next holder.
    fn poison(&self) {
        self.poisoned.store(true, Relaxed);
    }

    /// What the lock holds; `&mut self` proves that nobody has taken it.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], which holds the reference too, if a writer panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut lock = fibra::sync::RwLock::new(1);
    /// *lock.get_mut().unwrap() = 2;
    /// assert_eq!(*lock.read().unwrap(), 2);
    /// ```
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let poisoned = self.is_poisoned();
        let value = self.data.get_mut();
        if poisoned { Err(PoisonError::new(value)) } else { Ok(value) }
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => shown.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => shown.field("data", &format_args!("<locked>")),
        };
        shown.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

/// A lock being taken for reading.
struct Reading<'l, T: ?Sized> {
    lock: &'l RwLock<T>,
    acquire: AcquireRead<'l>,
}

impl<'l, T: ?Sized> Future for Reading<'l, T> {
    type Output = LockResult<RwLockReadGuard<'l, T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.acquire).poll(cx).map(|()| RwLockReadGuard::locked(self.lock))
    }
}

/// A lock being taken for writing.
struct Writing<'l, T: ?Sized> {
    lock: &'l RwLock<T>,
    acquire: AcquireWrite<'l>,
}

impl<'l, T: ?Sized> Future for Writing<'l, T> {
    type Output = LockResult<RwLockWriteGuard<'l, T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.acquire).poll(cx).map(|()| RwLockWriteGuard::locked(self.lock))
    }
}
