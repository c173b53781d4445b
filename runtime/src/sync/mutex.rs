//! [`Mutex`]: std's, except that who waits for it parks a green thread, not an OS thread.

mod raw;

use self::raw::{Acquire, RawMutex};
use crate::primitive::{AtomicBool, Relaxed};
use crate::wait::wait_uncancellable;
use std::{
    cell::UnsafeCell,
    fmt,
    future::Future,
    ops::{Deref, DerefMut},
    panic::{RefUnwindSafe, UnwindSafe},
    pin::Pin,
    sync::{LockResult, PoisonError, TryLockError, TryLockResult},
    task::{Context, Poll},
    thread,
};

/// Mutual exclusion for green threads, futures and OS threads alike.
///
/// It has the interface of [`std::sync::Mutex`], poisoning included, and its error types are std's own. A
/// green thread that has to wait parks and leaves its worker to others; it may be held across waits of any
/// kind, as `std`'s may not be.
///
/// **Fairness.** A lock that is free goes to whoever asks first, ahead of those who were woken for it and
/// are not running yet: handing it over at each unlock would make all go at the pace of a wake-up. Who has
/// waited for half a millisecond and still lost such a race is handed the lock by the next unlock.
///
/// **Cancellation.** [`lock`](Mutex::lock) is not a cancellation point: cancelling a green thread that waits
/// for a mutex takes effect at its next one.
///
/// # Examples
///
/// ```
/// use fibra::sync::Mutex;
///
/// static HITS: Mutex<u64> = Mutex::new(0);
///
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| *HITS.lock().unwrap() += 1);
///     }
/// });
/// assert_eq!(*HITS.lock().unwrap(), 4);
/// ```
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    /// Its own flag, not a bit of the lock's word, so that a poisoned mutex is as fast as any.
    poisoned: AtomicBool,
    data: UnsafeCell<T>,
}

// SAFETY: `data` is reached through `&mut Mutex`, or through a guard, of which there is at most one at a
// time; so sharing the mutex does no more than send `T` from thread to thread.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: nothing in a mutex belongs to the thread it was made on.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}

// What a panic may leave half done behind the lock is reported by the poison flag.
impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

impl<T> Mutex<T> {
    /// A mutex that is free and holds `value`.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::Mutex;
    ///
    /// static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());
    /// NAMES.lock().unwrap().push("ada".into());
    /// ```
    #[cfg(not(loom))]
    pub const fn new(value: T) -> Self {
        Self { raw: RawMutex::new(), poisoned: AtomicBool::new(false), data: UnsafeCell::new(value) }
    }

    /// A mutex that is free and holds `value`; not `const`, as loom's atomics are not.
    #[cfg(loom)]
    pub fn new(value: T) -> Self {
        Self { raw: RawMutex::new(), poisoned: AtomicBool::new(false), data: UnsafeCell::new(value) }
    }

    /// Consumes the mutex and returns what it holds.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], which holds the value too, if a holder panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// let mutex = fibra::sync::Mutex::new(5);
    /// assert_eq!(mutex.into_inner().unwrap(), 5);
    /// ```
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.is_poisoned();
        let value = self.data.into_inner();
        if poisoned { Err(PoisonError::new(value)) } else { Ok(value) }
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Takes the lock, waiting for as long as somebody else has it; dropping the guard gives it back.
    ///
    /// A green thread parks; a future's poll parks the stack that it stands on; an OS thread blocks. In
    /// `async` code [`lock_async`](Mutex::lock_async) needs no stack. Not a cancellation point.
    ///
    /// Who locks a mutex that it holds already waits for ever.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], which holds the guard too, if a holder panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// let balance = fibra::sync::Mutex::new(100);
    /// *balance.lock().unwrap() -= 30;
    /// assert_eq!(*balance.lock().unwrap(), 70);
    /// ```
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        if !self.raw.try_lock() {
            self.wait_for_lock();
        }
        self.locked()
    }

    #[cold]
    fn wait_for_lock(&self) {
        wait_uncancellable(self.raw.acquire());
    }

    /// As [`lock`](Mutex::lock), for `async` code: the future is ready once the lock is taken.
    ///
    /// The guard is `Send` where `T` is, and so may be held across an `.await`.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], which holds the guard too, if a holder panicked.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up the wait, and the turn with it: were it next, the one behind it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::Mutex;
    ///
    /// async fn withdraw(balance: &Mutex<u64>, amount: u64) {
    ///     *balance.lock_async().await.unwrap() -= amount;
    /// }
    /// let balance = Mutex::new(100);
    /// fibra::wait(withdraw(&balance, 30));
    /// assert_eq!(balance.into_inner().unwrap(), 70);
    /// ```
    pub fn lock_async(&self) -> impl Future<Output = LockResult<MutexGuard<'_, T>>> {
        self.locking()
    }

    pub(super) fn locking(&self) -> Locking<'_, T> {
        Locking { mutex: self, acquire: self.raw.acquire() }
    }

    /// Takes the lock if it is free, and never waits.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if it is not free; [`TryLockError::Poisoned`], with the guard, if a holder
    /// panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// let mutex = fibra::sync::Mutex::new(1);
    /// let held = mutex.lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// drop(held);
    /// assert_eq!(*mutex.try_lock().unwrap(), 1);
    /// ```
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        if self.raw.try_lock() { Ok(self.locked()?) } else { Err(TryLockError::WouldBlock) }
    }

    /// Whether a holder has panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// let mutex = fibra::sync::Mutex::new(());
    /// assert!(!mutex.is_poisoned());
    /// ```
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Relaxed)
    }

    /// Declares what the mutex holds sound again, after a holder panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::Mutex;
    /// use std::panic::catch_unwind;
    ///
    /// let mutex = Mutex::new(0);
    /// let panicked = catch_unwind(|| {
    ///     let mut guard = mutex.lock().unwrap();
    ///     *guard = 7;
    ///     panic!("half way");
    /// });
    /// assert!(panicked.is_err());
    ///
    /// let mut guard = mutex.lock().unwrap_err().into_inner();
    /// *guard = 0;
    /// drop(guard);
    /// mutex.clear_poison();
    /// assert_eq!(*mutex.lock().unwrap(), 0);
    /// ```
    #[inline]
    pub fn clear_poison(&self) {
        self.poisoned.store(false, Relaxed);
    }

    /// What the mutex holds; `&mut self` proves that nobody has it locked.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], which holds the reference too, if a holder panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut mutex = fibra::sync::Mutex::new(1);
    /// *mutex.get_mut().unwrap() = 2;
    /// assert_eq!(*mutex.lock().unwrap(), 2);
    /// ```
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let poisoned = self.is_poisoned();
        let value = self.data.get_mut();
        if poisoned { Err(PoisonError::new(value)) } else { Ok(value) }
    }

    /// The guard for a lock that was just taken.
    #[inline]
    fn locked(&self) -> LockResult<MutexGuard<'_, T>> {
        let guard = MutexGuard { mutex: self, was_panicking: thread::panicking() };
        guard.or_poisoned()
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => shown.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => shown.field("data", &format_args!("<locked>")),
        };
        shown.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

/// A lock that is held; dropping it unlocks.
///
/// Unlike std's it is `Send` where `T` is: the lock belongs to no thread, and futures carry guards from
/// worker to worker.
///
/// Dropped by a panic that began while it was held, it poisons the mutex.
///
/// # Examples
///
/// ```
/// let mutex = fibra::sync::Mutex::new(vec![1]);
/// let mut guard = mutex.lock().unwrap();
/// guard.push(2);
/// assert_eq!(guard.len(), 2);
/// ```
#[must_use = "if unused the Mutex will immediately unlock"]
#[clippy::has_significant_drop]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    /// A panic that began before the lock was taken broke nothing behind it.
    was_panicking: bool,
}

// SAFETY: a shared guard gives out `&T` and nothing else. (Left to itself the compiler would ask for `T: Send`,
// what sharing the mutex needs, which is not enough.)
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    pub(super) fn mutex(&self) -> &'a Mutex<T> {
        self.mutex
    }

    pub(super) fn or_poisoned(self) -> LockResult<Self> {
        if self.mutex.is_poisoned() { Err(PoisonError::new(self)) } else { Ok(self) }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock, so nobody else has a reference to the data; ours lives as long as
        // the borrow of the guard.
        unsafe { &*self.mutex.data.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above; and the guard is borrowed mutably, so this reference is the only one.
        unsafe { &mut *self.mutex.data.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.was_panicking && thread::panicking() {
            // Relaxed: the unlock below publishes it to the next holder.
            self.mutex.poisoned.store(true, Relaxed);
        }
        self.mutex.raw.unlock();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A lock being taken.
pub(super) struct Locking<'m, T: ?Sized> {
    mutex: &'m Mutex<T>,
    acquire: Acquire<'m>,
}

impl<'m, T: ?Sized> Future for Locking<'m, T> {
    type Output = LockResult<MutexGuard<'m, T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.acquire).poll(cx).map(|()| self.mutex.locked())
    }
}
