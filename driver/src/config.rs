//! What a driver is made with, and what it counts.

use std::time::Duration;

use crate::backend::BackendKind;
use crate::clock::Clock;
use crate::offload::Offload;

/// How a [`Driver`](crate::Driver) is made.
///
/// ```
/// use fibra_driver::{BackendKind, Config, Driver};
/// let mut config = Config::default();
/// let simplest = BackendKind::ALL[BackendKind::ALL.len() - 1]; // `Epoll` on Linux
/// config.backend = Some(simplest);
/// config.environment = false;
/// let driver = Driver::new(&config)?;
/// assert_eq!(driver.choice().backend(), simplest);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The backend to use; it is an error if it is not there. `None` takes the best one that works.
    pub backend: Option<BackendKind>,
    /// Whether the environment variable `FIBRA_BACKEND` wins over `backend` (it does by default).
    pub environment: bool,
    /// How many submissions fit in a ring between two enters. More only cost another enter. The default is 256.
    pub entries: u32,
    /// How many completions fit in a ring. The kernel keeps those that don't, at a price. The default is 4,096.
    pub completion_entries: u32,
    /// How long dropping a driver waits for the operations in flight, all of them cancelled, to end. Default: 1 s.
    pub drain_timeout: Duration,
    /// The pool for what the backend cannot do itself.
    pub offload: Offload,
    /// The clock that timers go by; drivers of one program share it. By default it runs with the system's.
    pub clock: Clock,
    /// How late timers and timeouts may be, so that those that are due at about the same time end in one turn; at most a
    /// sixteenth of their length, counted from the last turn. Default: not at all.
    pub timer_slack: Duration,
}

impl Config {
    /// The defaults, with this pool.
    ///
    /// ```
    /// use fibra_driver::{Config, offload::Offload};
    /// let config = Config::new(Offload::default());
    /// assert_eq!(config.entries, 256);
    /// ```
    pub fn new(offload: Offload) -> Config {
        Config {
            backend: None,
            environment: true,
            entries: 256,
            completion_entries: 4096,
            drain_timeout: Duration::from_secs(1),
            offload,
            clock: Clock::default(),
            timer_slack: Duration::ZERO,
        }
    }
}

impl Default for Config {
    /// The defaults, with a pool of its own.
    fn default() -> Self {
        Config::new(Offload::default())
    }
}

/// What a driver has done so far. Counters only grow.
///
/// ```
/// use fibra_driver::{Config, Driver};
/// let driver = Driver::new(&Config::default())?;
/// assert_eq!(driver.stats().operations, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Operations submitted.
    pub operations: u64,
    /// Those among them that were complete at once.
    pub inline: u64,
    /// Those among them that the backend took on, for the ring or to wait for readiness: no timers, and none that went to the
    /// pool at once.
    pub submissions: u64,
    /// Completions handed over.
    pub completions: u64,
    /// Timeouts taken back before they expired.
    pub withdrawn: u64,
    /// Cancels asked for, of operations that were in flight.
    pub cancels: u64,
    /// System calls that submit or wait: `io_uring_enter`, `epoll_wait`, `kevent`.
    pub enters: u64,
    /// Turns.
    pub turns: u64,
    /// Operations that the pool ran.
    pub offloaded: u64,
    /// Operations that had to wait for readiness before they were tried again.
    pub retries: u64,
    /// Submissions that waited in memory because the kernel took no more.
    pub backlogged: u64,
    /// How often completions had to be fetched from the kernel's overflow list.
    pub overflows: u64,
    /// Notices sent to other drivers through the ring.
    pub messages: u64,
}
