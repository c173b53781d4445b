//! Telling a forked child from its parent.
//!
//! A ring and an epoll instance are shared with a forked child: both processes would take each other's completions; and a
//! kqueue is not inherited at all, so that its number is soon another's. So a driver remembers the process it was made in.
//! A process identifier costs a system call to read; a counter that each fork raises in the child costs one load.

use std::io;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::backend::os;

/// How many forks lie between this process and the one that first made a driver.
static FORKS: AtomicU32 = AtomicU32::new(0);

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// The process in which something was made.
///
/// ```
/// let here = fibra_driver::Birthplace::here();
/// assert!(!here.is_elsewhere()); // It would be, in a child that was forked from here.
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Birthplace(u32);

impl Birthplace {
    /// This process.
    ///
    /// ```
    /// assert_eq!(fibra_driver::Birthplace::here(), fibra_driver::Birthplace::here());
    /// ```
    pub fn here() -> Birthplace {
        static WATCH: Once = Once::new();
        WATCH.call_once(|| {
            // Async-signal-safe, as a child of a threaded process requires: one atomic addition.
            os::on_fork(in_child);
        });
        Birthplace(FORKS.load(Ordering::Relaxed))
    }

    /// Whether this is a child of the process of birth.
    ///
    /// ```
    /// assert!(!fibra_driver::Birthplace::here().is_elsewhere());
    /// ```
    #[inline]
    pub fn is_elsewhere(self) -> bool {
        self.0 != FORKS.load(Ordering::Relaxed)
    }

    pub(crate) fn error() -> io::Error {
        io::Error::other(
            "this driver belongs to the parent process: after a fork, the child has to make its own",
        )
    }
}
