//! The error of a pool that cannot take a job.

use super::Job;
use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};

/// A pool could not take a job. The job comes back with it.
///
/// ```
/// use fibra_driver::offload::Offload;
/// use std::time::Duration;
///
/// let pool = Offload::default();
/// pool.shutdown(Duration::ZERO);
/// let error = pool.execute(|| ()).expect_err("it is shut down");
/// assert_eq!(error.to_string(), "the pool for blocking calls is shut down");
/// ```
pub struct OffloadError {
    reason: Reason,
    /// The mutex is never locked. It makes the error `Sync`, as errors are expected to be, though a job is not.
    job: Mutex<Job>,
}

/// Why a job was not taken.
#[derive(Debug)]
pub(super) enum Reason {
    ShutDown,
    NoThread(io::Error),
}

impl OffloadError {
    pub(super) fn new(reason: Reason, job: Job) -> Self {
        OffloadError { reason, job: Mutex::new(job) }
    }

    /// The job that was not taken.
    ///
    /// ```
    /// # use fibra_driver::offload::Offload;
    /// # let pool = Offload::default();
    /// # pool.shutdown(std::time::Duration::ZERO);
    /// let compact = || println!("compacting");
    /// if let Err(refused) = pool.execute(compact) {
    ///     refused.into_job()(); // here, then
    /// }
    /// ```
    pub fn into_job(self) -> Box<dyn FnOnce() + Send> {
        self.job.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the pool is shut down; otherwise no thread could be started.
    ///
    /// ```
    /// # let pool = fibra_driver::offload::Offload::default();
    /// # pool.shutdown(std::time::Duration::ZERO);
    /// assert!(pool.execute(|| ()).is_err_and(|error| error.is_shut_down()));
    /// ```
    pub fn is_shut_down(&self) -> bool {
        matches!(self.reason, Reason::ShutDown)
    }
}

impl fmt::Display for OffloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            Reason::ShutDown => "the pool for blocking calls is shut down",
            Reason::NoThread(_) => "the system refuses to start a thread for blocking calls",
        })
    }
}

impl fmt::Debug for OffloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OffloadError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl std::error::Error for OffloadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::ShutDown => None,
            Reason::NoThread(error) => Some(error),
        }
    }
}

impl From<OffloadError> for io::Error {
    /// Of kind `Other`, whatever the system said: its EAGAIN would read as `WouldBlock`, and loops would try for ever.
    fn from(error: OffloadError) -> Self {
        io::Error::other(error)
    }
}
