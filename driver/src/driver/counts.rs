//! What a driver has in hand, and what it has done.

use super::Driver;
use crate::config::Stats;

impl Driver {
    /// How many operations are in flight: submitted, and neither complete at once nor handed over.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// assert_eq!(Driver::new(&Config::default())?.ops_in_flight(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn ops_in_flight(&self) -> usize {
        self.ledger.in_flight()
    }

    /// How many of them wait for something else than the clock.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver, Op};
    /// let mut driver = Driver::new(&Config::default())?;
    /// let deadline = std::time::Instant::now() + std::time::Duration::from_secs(3600);
    /// // SAFETY: a timeout points to nothing.
    /// unsafe { driver.submit(&Op::Timeout { deadline }, 0) };
    /// assert_eq!((driver.ops_in_flight(), driver.operations_in_kernel()), (1, 0));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn operations_in_kernel(&self) -> usize {
        self.ledger.slab.len()
    }

    /// Whether something that was submitted goes to the kernel with the next turn. Only a ring's operations wait for that.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// assert!(!Driver::new(&Config::default())?.has_queued());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn has_queued(&mut self) -> bool {
        self.backend.has_queued()
    }

    /// Whether this thread has run nearly all the time of late, and waited for nothing, so that somebody else had better take a part of
    /// its work. With io_uring alone: an operation that ends as it begins is done there, inside of the system call that could
    /// have waited.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// assert!(!Driver::new(&Config::default())?.is_saturated());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_saturated(&self) -> bool {
        self.backend.is_saturated()
    }

    /// What this driver has done so far.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver, Wait};
    /// let mut driver = Driver::new(&Config::default())?;
    /// driver.turn(Wait::Not, &mut Vec::new())?;
    /// assert_eq!(driver.stats().turns, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stats(&self) -> Stats {
        self.ledger.stats
    }
}
