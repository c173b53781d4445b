//! [`Semaphore`]: permits, given out in the order of asking.

mod acquiring;
mod error;
mod owned;
mod permit;
mod pool;

pub use self::{
    error::{AcquireError, AcquireTimeoutError, TryAcquireError},
    permit::{OwnedSemaphorePermit, SemaphorePermit},
};

use self::{acquiring::Acquiring, pool::Pool};
use std::{fmt, future::Future, time::Duration};

/// A number of permits, which who asks for one gets or waits for: a limit on how many do something at once.
///
/// A permit is a guard: dropped, it goes back. It belongs to no thread, so that it may be acquired by one task and
/// given back by another; [`forget`](SemaphorePermit::forget) keeps it from going back at all.
///
/// **Fairness.** Strictly first come, first served. While somebody waits, permits gather for the one that has waited
/// longest, and those who come later wait behind it, even if they ask for less. So a request for many permits is not
/// starved by small ones.
///
/// **Closing.** [`close`](Semaphore::close) ends every wait with an error, and those to come. Permits that were given
/// out before stay valid.
///
/// **Cancellation.** A direct call that has to wait is a cancellation point. A wait that is given up, by a cancel, a
/// deadline, or the drop of its future, leaves the queue, and gives back what it had been granted in the meantime.
///
/// # Examples
///
/// ```
/// use fibra::{sync::Semaphore, thread};
/// use std::sync::Arc;
///
/// fibra::run(|| {
///     let at_most_two = Arc::new(Semaphore::new(2));
///     let workers: Vec<_> = (0..10)
///         .map(|i| {
///             let permit = Arc::clone(&at_most_two).acquire_owned().unwrap();
///             thread::spawn(move || {
///                 let _permit = permit;
///                 i * i
///             })
///         })
///         .collect();
///     assert_eq!(workers.into_iter().map(|worker| worker.join().unwrap()).sum::<u32>(), 285);
///     assert_eq!(at_most_two.available_permits(), 2);
/// });
/// ```
pub struct Semaphore {
    pool: Pool,
}

impl Semaphore {
    /// How many permits a semaphore may have.
    pub const MAX_PERMITS: usize = usize::MAX >> 3;

    /// A semaphore with `permits` permits.
    ///
    /// # Panics
    ///
    /// If that is more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::Semaphore;
    ///
    /// static CONNECTIONS: Semaphore = Semaphore::new(100);
    /// assert_eq!(CONNECTIONS.available_permits(), 100);
    /// ```
    #[cfg(not(loom))]
    pub const fn new(permits: usize) -> Self {
        assert!(permits <= Self::MAX_PERMITS, "a semaphore has at most MAX_PERMITS permits");
        Self { pool: Pool::new(permits) }
    }

    /// A semaphore with `permits` permits; not `const`, as loom's locks are not.
    #[cfg(loom)]
    pub fn new(permits: usize) -> Self {
        assert!(permits <= Self::MAX_PERMITS, "a semaphore has at most MAX_PERMITS permits");
        Self { pool: Pool::new(permits) }
    }

    /// Acquires one permit, waiting for it if need be. A cancellation point while it waits.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed, or is closed during the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = fibra::sync::Semaphore::new(1);
    /// let permit = semaphore.acquire().unwrap();
    /// assert_eq!(semaphore.available_permits(), 0);
    /// drop(permit);
    /// assert_eq!(semaphore.available_permits(), 1);
    /// ```
    pub fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.acquire_many(1)
    }

    /// Acquires `count` permits at once, waiting for them if need be. A cancellation point while it waits.
    ///
    /// Asking for more than there are waits until [`add_permits`](Self::add_permits) has made up for it.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed, or is closed during the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let memory = fibra::sync::Semaphore::new(1 << 20);
    /// let buffer = memory.acquire_many(64 * 1024).unwrap();
    /// assert_eq!(buffer.num_permits(), 64 * 1024);
    /// ```
    pub fn acquire_many(&self, count: usize) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.acquiring(count).wait()
    }

    /// As [`acquire`](Self::acquire), waiting for at most `timeout`. A cancellation point while it waits.
    ///
    /// # Errors
    ///
    /// [`AcquireTimeoutError`]: `Timeout` if it could not be had in time, never too early; `Closed` if the semaphore is closed, or
    /// is closed during the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::{AcquireTimeoutError, Semaphore};
    /// use std::time::Duration;
    ///
    /// let (semaphore, soon) = (Semaphore::new(1), Duration::from_millis(1));
    /// let permit = semaphore.acquire_timeout(soon).unwrap();
    /// assert_eq!(semaphore.acquire_timeout(soon).unwrap_err(), AcquireTimeoutError::Timeout);
    /// # drop(permit);
    /// ```
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<SemaphorePermit<'_>, AcquireTimeoutError> {
        self.acquire_many_timeout(1, timeout)
    }

    /// As [`acquire_many`](Self::acquire_many), waiting for at most `timeout`. A cancellation point while it waits.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let semaphore = fibra::sync::Semaphore::new(3);
    /// let permit = semaphore.acquire_many_timeout(2, Duration::from_secs(1)).unwrap();
    /// assert!(semaphore.acquire_many_timeout(2, Duration::ZERO).is_err());
    /// # drop(permit);
    /// ```
    pub fn acquire_many_timeout(
        &self,
        count: usize,
        timeout: Duration,
    ) -> Result<SemaphorePermit<'_>, AcquireTimeoutError> {
        self.acquiring(count).wait_timeout(timeout)
    }

    /// As [`acquire`](Self::acquire), for `async` code. Its place in the queue is taken at the first poll.
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
    /// let semaphore = fibra::sync::Semaphore::new(1);
    /// fibra::wait(async {
    ///     let _permit = semaphore.acquire_async().await.unwrap();
    ///     assert!(semaphore.try_acquire().is_err());
    /// });
    /// ```
    pub fn acquire_async(&self) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireError>> {
        self.acquiring(1)
    }

    /// As [`acquire_many`](Self::acquire_many), for `async` code. Its place in the queue is taken at the first poll.
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
    /// ```
    /// let semaphore = fibra::sync::Semaphore::new(3);
    /// let permit = fibra::wait(semaphore.acquire_many_async(2)).unwrap();
    /// assert_eq!(permit.num_permits(), 2);
    /// ```
    pub fn acquire_many_async(
        &self,
        count: usize,
    ) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireError>> {
        self.acquiring(count)
    }

    /// Acquires one permit if it can be had at once, and never waits.
    ///
    /// While others wait it can't be had: what is there is theirs.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`]: `NoPermits` if it would have to wait, `Closed` if the semaphore is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::{Semaphore, TryAcquireError};
    ///
    /// let semaphore = Semaphore::new(1);
    /// let permit = semaphore.try_acquire().unwrap();
    /// assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    /// drop(permit);
    /// assert!(semaphore.try_acquire().is_ok());
    /// ```
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Acquires `count` permits if they can be had at once, and never waits; as [`try_acquire`](Self::try_acquire).
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`]: `NoPermits` if it would have to wait, `Closed` if the semaphore is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = fibra::sync::Semaphore::new(3);
    /// assert!(semaphore.try_acquire_many(4).is_err());
    /// assert!(semaphore.try_acquire_many(3).is_ok());
    /// ```
    pub fn try_acquire_many(&self, count: usize) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.pool.try_take(count)?;
        Ok(SemaphorePermit::new(self, count))
    }

    /// Adds permits, to those that wait first.
    ///
    /// # Panics
    ///
    /// If more than [`MAX_PERMITS`](Self::MAX_PERMITS) would be available.
    ///
    /// # Examples
    ///
    /// ```
    /// let started = fibra::sync::Semaphore::new(0);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| started.add_permits(3));
    ///     started.acquire_many(3).unwrap().forget();
    /// });
    /// assert_eq!(started.available_permits(), 0);
    /// ```
    pub fn add_permits(&self, count: usize) {
        self.pool.add(count);
    }

    /// Takes up to `count` of the available permits away for good, and returns how many that were.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = fibra::sync::Semaphore::new(3);
    /// assert_eq!(semaphore.forget_permits(2), 2);
    /// assert_eq!(semaphore.forget_permits(2), 1);
    /// assert_eq!(semaphore.available_permits(), 0);
    /// ```
    pub fn forget_permits(&self, count: usize) -> usize {
        self.pool.remove(count)
    }

    /// How many permits nobody has, those included that gather for somebody who waits for more.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(fibra::sync::Semaphore::new(5).available_permits(), 5);
    /// ```
    pub fn available_permits(&self) -> usize {
        self.pool.available()
    }

    /// Closes the semaphore: nobody acquires a permit any more, and who waits for one gets an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::{Semaphore, TryAcquireError};
    ///
    /// let semaphore = Semaphore::new(1);
    /// semaphore.close();
    /// assert!(semaphore.acquire().is_err());
    /// assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
    /// ```
    pub fn close(&self) {
        self.pool.close();
    }

    /// Whether the semaphore was [closed](Self::close).
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = fibra::sync::Semaphore::new(1);
    /// assert!(!semaphore.is_closed());
    /// semaphore.close();
    /// assert!(semaphore.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.pool.is_closed()
    }

    fn acquiring<'s>(&'s self, count: usize) -> Acquiring<&'s Self, SemaphorePermit<'s>> {
        Acquiring::new(self, count, SemaphorePermit::new)
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
