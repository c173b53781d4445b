//! The bell that wakes a sleeping driver from other threads: what the driver's backend is best woken by.

use std::io;
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::sync::{Mutex, PoisonError};

#[cfg(target_os = "linux")]
use super::os::{AsRawFd, Eventfd, OwnedFd, RawFd};

pub(crate) enum Bell {
    /// A descriptor that the backend watches.
    #[cfg(target_os = "linux")]
    Eventfd {
        eventfd: Eventfd,
        /// The driver's ring, if it has one, for messages from other rings. Taken away when the driver goes; a message on
        /// its way keeps the descriptor open, so that it cannot reach a stranger that got the same number.
        mailbox: Mutex<Option<Arc<OwnedFd>>>,
    },
}

impl Bell {
    /// Wakes the driver, if it waits.
    pub(crate) fn ring(&self) {
        match self {
            #[cfg(target_os = "linux")]
            Bell::Eventfd { eventfd, .. } => eventfd.signal(),
        }
    }
}

#[cfg(target_os = "linux")]
impl Bell {
    pub(crate) fn eventfd() -> io::Result<Bell> {
        Ok(Bell::Eventfd { eventfd: Eventfd::new()?, mailbox: Mutex::new(None) })
    }

    /// Where a ring's message has to go instead, if it can.
    pub(crate) fn mailbox(&self) -> Option<Arc<OwnedFd>> {
        match self {
            Bell::Eventfd { mailbox, .. } => mailbox.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(crate) fn set_mailbox(&self, ring: Option<Arc<OwnedFd>>) {
        match self {
            Bell::Eventfd { mailbox, .. } => *mailbox.lock().unwrap_or_else(PoisonError::into_inner) = ring,
        }
    }

    /// What becomes readable when it rings.
    pub(crate) fn as_raw_fd(&self) -> RawFd {
        match self {
            Bell::Eventfd { eventfd, .. } => eventfd.as_raw_fd(),
        }
    }
}
