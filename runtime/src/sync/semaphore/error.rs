//! Why no permit was acquired.

use std::{error::Error, fmt};

/// The semaphore is closed.
///
/// # Examples
///
/// ```
/// let semaphore = fibra::sync::Semaphore::new(1);
/// semaphore.close();
/// assert_eq!(semaphore.acquire().unwrap_err().to_string(), "the semaphore is closed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcquireError(());

impl AcquireError {
    pub(super) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore is closed")
    }
}

impl Error for AcquireError {}

/// Why no permit could be had at once.
///
/// # Examples
///
/// See [`Semaphore::try_acquire`](super::Semaphore::try_acquire).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryAcquireError {
    /// The semaphore is closed.
    Closed,
    /// There are too few permits, or others wait for them already.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the semaphore is closed",
            Self::NoPermits => "too few permits are available",
        })
    }
}

impl Error for TryAcquireError {}

/// Why no permit was acquired in time.
///
/// # Examples
///
/// See [`Semaphore::acquire_timeout`](super::Semaphore::acquire_timeout).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcquireTimeoutError {
    /// The semaphore is closed.
    Closed,
    /// There were too few permits, or others were first, until the time was up.
    Timeout,
}

impl fmt::Display for AcquireTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the semaphore is closed",
            Self::Timeout => "no permit could be had in time",
        })
    }
}

impl Error for AcquireTimeoutError {}

impl From<AcquireError> for AcquireTimeoutError {
    fn from(_: AcquireError) -> Self {
        Self::Closed
    }
}
