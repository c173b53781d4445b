//! What a semaphore gives out: permits that borrow it, and permits that keep it alive.

use super::Semaphore;
use std::sync::Arc;

/// Permits of a [`Semaphore`]; dropped, they go back.
///
/// # Examples
///
/// See [`Semaphore::acquire`].
#[derive(Debug)]
#[must_use = "if unused the permits go back at once"]
#[clippy::has_significant_drop]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    count: usize,
}

impl<'a> SemaphorePermit<'a> {
    pub(super) fn new(semaphore: &'a Semaphore, count: usize) -> Self {
        Self { semaphore, count }
    }

    /// Drops the permits without giving them back: the semaphore has so many fewer from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = fibra::sync::Semaphore::new(2);
    /// semaphore.acquire().unwrap().forget();
    /// assert_eq!(semaphore.available_permits(), 1);
    /// ```
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// How many permits these are.
    ///
    /// # Examples
    ///
    /// See [`Semaphore::acquire_many`].
    pub fn num_permits(&self) -> usize {
        self.count
    }

    /// Splits `count` permits off; `None` if there are fewer.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = fibra::sync::Semaphore::new(5);
    /// let mut permit = semaphore.acquire_many(5).unwrap();
    /// drop(permit.split(3));
    /// assert_eq!((permit.num_permits(), semaphore.available_permits()), (2, 3));
    /// assert!(permit.split(3).is_none());
    /// ```
    pub fn split(&mut self, count: usize) -> Option<Self> {
        self.count = self.count.checked_sub(count)?;
        Some(Self { semaphore: self.semaphore, count })
    }
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.add_permits(self.count);
        }
    }
}

/// Permits of a [`Semaphore`] that they keep alive; dropped, they go back.
///
/// # Examples
///
/// See [`Semaphore::acquire_owned_async`].
#[derive(Debug)]
#[must_use = "if unused the permits go back at once"]
#[clippy::has_significant_drop]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    count: usize,
}

impl OwnedSemaphorePermit {
    pub(super) fn new(semaphore: Arc<Semaphore>, count: usize) -> Self {
        Self { semaphore, count }
    }

    /// Drops the permits without giving them back: the semaphore has so many fewer from now on.
    ///
    /// # Examples
    ///
    /// See [`SemaphorePermit::forget`].
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// How many permits these are.
    ///
    /// # Examples
    ///
    /// See [`Semaphore::acquire_many`].
    pub fn num_permits(&self) -> usize {
        self.count
    }

    /// Splits `count` permits off; `None` if there are fewer.
    ///
    /// # Examples
    ///
    /// See [`SemaphorePermit::split`].
    pub fn split(&mut self, count: usize) -> Option<Self> {
        self.count = self.count.checked_sub(count)?;
        Some(Self { semaphore: Arc::clone(&self.semaphore), count })
    }

    /// The semaphore that the permits belong to.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let semaphore = Arc::new(fibra::sync::Semaphore::new(1));
    /// let permit = Arc::clone(&semaphore).acquire_owned().unwrap();
    /// assert!(Arc::ptr_eq(permit.semaphore(), &semaphore));
    /// ```
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.add_permits(self.count);
        }
    }
}
