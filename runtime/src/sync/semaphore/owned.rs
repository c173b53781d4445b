//! The calls whose permits keep the semaphore alive, where the others borrow it.

use super::{
    AcquireError, AcquireTimeoutError, OwnedSemaphorePermit, Semaphore, TryAcquireError, acquiring::Acquiring,
};
use std::{future::Future, sync::Arc, time::Duration};

impl Semaphore {
    /// As [`acquire`](Self::acquire), with a permit that borrows nothing: it keeps the semaphore alive. A cancellation point while
    /// it waits.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed, or is closed during the wait.
    ///
    /// # Examples
    ///
    /// See [`Semaphore`].
    pub fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.acquire_many_owned(1)
    }

    /// As [`acquire_many`](Self::acquire_many), with a permit that borrows nothing: it keeps the semaphore alive. A cancellation
    /// point while it waits.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed, or is closed during the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let semaphore = Arc::new(fibra::sync::Semaphore::new(3));
    /// let permit = Arc::clone(&semaphore).acquire_many_owned(2).unwrap();
    /// std::thread::spawn(move || drop(permit)).join().unwrap();
    /// assert_eq!(semaphore.available_permits(), 3);
    /// ```
    pub fn acquire_many_owned(self: Arc<Self>, count: usize) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.acquiring_owned(count).wait()
    }

    /// As [`acquire_timeout`](Self::acquire_timeout), with a permit that borrows nothing: it keeps the semaphore alive. A
    /// cancellation point while it waits.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{sync::Arc, time::Duration};
    ///
    /// let semaphore = Arc::new(fibra::sync::Semaphore::new(1));
    /// let permit = Arc::clone(&semaphore).acquire_owned_timeout(Duration::from_secs(1)).unwrap();
    /// assert!(semaphore.acquire_owned_timeout(Duration::ZERO).is_err());
    /// # drop(permit);
    /// ```
    pub fn acquire_owned_timeout(
        self: Arc<Self>,
        timeout: Duration,
    ) -> Result<OwnedSemaphorePermit, AcquireTimeoutError> {
        self.acquire_many_owned_timeout(1, timeout)
    }

    /// As [`acquire_many_timeout`](Self::acquire_many_timeout), with a permit that borrows nothing. A cancellation point while it
    /// waits.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    ///
    /// # Examples
    ///
    /// See [`acquire_owned_timeout`](Self::acquire_owned_timeout).
    pub fn acquire_many_owned_timeout(
        self: Arc<Self>,
        count: usize,
        timeout: Duration,
    ) -> Result<OwnedSemaphorePermit, AcquireTimeoutError> {
        self.acquiring_owned(count).wait_timeout(timeout)
    }

    /// As [`acquire_async`](Self::acquire_async), with a future and a permit that borrow nothing.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed, or is closed during the wait.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up the wait, and gives back a permit that it had been granted.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let semaphore = Arc::new(fibra::sync::Semaphore::new(1));
    /// let acquiring = fibra::future::spawn(Arc::clone(&semaphore).acquire_owned_async());
    /// let permit = fibra::wait(acquiring).unwrap().unwrap();
    /// assert_eq!(permit.num_permits(), 1);
    /// ```
    pub fn acquire_owned_async(
        self: Arc<Self>,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> {
        self.acquiring_owned(1)
    }

    /// As [`acquire_many_async`](Self::acquire_many_async), with a future and a permit that borrow nothing.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed, or is closed during the wait.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up the wait, and gives back permits that it had been granted.
    ///
    /// # Examples
    ///
    /// See [`acquire_owned_async`](Self::acquire_owned_async).
    pub fn acquire_many_owned_async(
        self: Arc<Self>,
        count: usize,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> {
        self.acquiring_owned(count)
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that borrows nothing: it keeps the semaphore alive.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`]: `NoPermits` if it would have to wait, `Closed` if the semaphore is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let semaphore = Arc::new(fibra::sync::Semaphore::new(1));
    /// let permit = Arc::clone(&semaphore).try_acquire_owned().unwrap();
    /// assert!(semaphore.try_acquire().is_err());
    /// # drop(permit);
    /// ```
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Self::try_acquire_many), with a permit that borrows nothing.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`]: `NoPermits` if it would have to wait, `Closed` if the semaphore is closed.
    ///
    /// # Examples
    ///
    /// See [`try_acquire_owned`](Self::try_acquire_owned).
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        count: usize,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.pool.try_take(count)?;
        Ok(OwnedSemaphorePermit::new(self, count))
    }

    fn acquiring_owned(self: Arc<Self>, count: usize) -> Acquiring<Arc<Self>, OwnedSemaphorePermit> {
        Acquiring::new(self, count, OwnedSemaphorePermit::new)
    }
}
