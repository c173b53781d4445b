//! The guards of a [`RwLock`]: a part of it, or all of it, that is held.

use super::RwLock;
use std::{
    fmt, mem,
    ops::{Deref, DerefMut},
    sync::{LockResult, PoisonError},
    thread,
};

/// A [`RwLock`] that is held for reading; dropping it gives it back.
///
/// Unlike std's it is `Send` where the lock may be shared: the lock belongs to no thread, and futures carry guards from
/// worker to worker.
///
/// # Examples
///
/// ```
/// let names = fibra::sync::RwLock::new(vec!["ada"]);
/// let (one, another) = (names.read().unwrap(), names.read().unwrap());
/// assert_eq!(one.len() + another.len(), 2);
/// ```
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// The guard for a lock that was just taken for reading.
    #[inline]
    pub(super) fn locked(lock: &'a RwLock<T>) -> LockResult<Self> {
        let guard = Self { lock };
        if lock.is_poisoned() { Err(PoisonError::new(guard)) } else { Ok(guard) }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: while the guard holds its part of the lock, nobody holds it for writing, so all references to the data
        // are shared ones; ours lives as long as the borrow of the guard.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.unlock_read();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A [`RwLock`] that is held for writing; dropping it gives it back.
///
/// It is `Send` like a [`RwLockReadGuard`]. Dropped by a panic that began while it was held, it poisons the lock.
///
/// # Examples
///
/// ```
/// let names = fibra::sync::RwLock::new(vec!["ada"]);
/// names.write().unwrap().push("grace");
/// assert_eq!(names.read().unwrap().len(), 2);
/// ```
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    /// A panic that began before the lock was taken broke nothing behind it.
    was_panicking: bool,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// The guard for a lock that was just taken for writing.
    #[inline]
    pub(super) fn locked(lock: &'a RwLock<T>) -> LockResult<Self> {
        let guard = Self { lock, was_panicking: thread::panicking() };
        if lock.is_poisoned() { Err(PoisonError::new(guard)) } else { Ok(guard) }
    }

    /// Goes on reading what was just written, and lets other readers in; no writer comes in between. Never waits.
    ///
    /// All readers that wait come in, as if the lock had been given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let total = RwLock::new(1);
    /// let mut writing = total.write().unwrap();
    /// *writing += 1;
    /// let reading = RwLockWriteGuard::downgrade(writing);
    /// assert_eq!(*reading + *total.read().unwrap(), 4);
    /// ```
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T> {
        guard.note_panic();
        let lock = guard.lock;
        // What the guard held goes on to the one for reading.
        mem::forget(guard);
        lock.raw.downgrade();
        RwLockReadGuard { lock }
    }

    #[inline]
    fn note_panic(&self) {
        if !self.was_panicking && thread::panicking() {
            self.lock.poison();
        }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock for writing, so nobody else has a reference to the data; ours lives as long
        // as the borrow of the guard.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above; and the guard is borrowed mutably, so this reference is the only one.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.note_panic();
        self.lock.raw.unlock_write();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
