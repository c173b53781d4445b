//! How other threads end a driver's wait.
//!
//! ```text
//!              turn is about to wait                    unpark
//!    AWAKE ───────────────────────────────► ASLEEP ───────────────► NOTIFIED   + ring the bell
//!      │  ◄────────────────────────────────────                        │
//!      │            the wait is over                                   │ the next waiting turn takes the
//!      └────────── unpark ──────────────────────────────────────────►  │ notice and does not wait
//! ```
//!
//! A busy driver is notified by one atomic exchange; only one that sleeps costs a system call. Any number of notices
//! between two turns are one.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::backend::Bell;

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
const NOTIFIED: u8 = 2;

/// What a driver and its unparkers share.
pub(crate) struct Parking {
    state: AtomicU8,
    bell: Bell,
}

impl Parking {
    pub(crate) fn new(bell: Bell) -> Parking {
        Parking { state: AtomicU8::new(AWAKE), bell }
    }

    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Whether a notice is there, for the next wait to take.
    pub(crate) fn is_notified(&self) -> bool {
        self.state.load(Ordering::Relaxed) == NOTIFIED
    }

    /// Announces a wait. `false`: a notice is there, which this takes; don't wait.
    pub(crate) fn fall_asleep(&self) -> bool {
        // Release: what this thread did before is visible to whoever finds us asleep. Acquire: what the notifier did
        // before is visible to us.
        let change = self.state.compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire);
        if change.is_err() {
            self.state.swap(AWAKE, Ordering::AcqRel);
        }
        change.is_ok()
    }

    /// Ends a wait. Returns whether a notice came meanwhile, which this takes.
    pub(crate) fn wake_up(&self) -> bool {
        self.state.swap(AWAKE, Ordering::AcqRel) == NOTIFIED
    }

    /// Leaves a notice. Returns whether the driver sleeps and has to be woken by other means now.
    pub(crate) fn notify(&self) -> bool {
        self.state.swap(NOTIFIED, Ordering::AcqRel) == ASLEEP
    }

    pub(crate) fn unpark(&self) {
        if self.notify() {
            self.bell.ring();
        }
    }
}

/// Ends the current or the next waiting [`turn`](crate::Driver::turn) of a driver, from any thread.
///
/// ```
/// use fibra_driver::{Config, Driver, Wait};
/// let mut driver = Driver::new(&Config::default())?;
/// let unparker = driver.unparker();
/// std::thread::spawn(move || unparker.unpark());
/// driver.turn(Wait::Forever, &mut Vec::new())?; // returns
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Unparker {
    pub(crate) parking: Arc<Parking>,
}

impl Unparker {
    /// Ends the current or the next waiting turn. Notices that come before it are one.
    ///
    /// Never blocks; costs a system call only if the driver waits. If the driver is gone, nothing happens.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver, Wait};
    /// let mut driver = Driver::new(&Config::default())?;
    /// driver.unparker().unpark();
    /// driver.turn(Wait::Forever, &mut Vec::new())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unpark(&self) {
        self.parking.unpark();
    }
}

impl fmt::Debug for Unparker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unparker").field("is_notified", &self.parking.is_notified()).finish_non_exhaustive()
    }
}
