//! The bell that wakes a sleeping driver from other threads: what the driver's backend is best woken by.

use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::sync::{Mutex, PoisonError};

#[cfg(windows)]
use super::iocp::Port;
#[cfg(any(
    target_os = "macos",
    target_os = "freebsd",
    all(target_os = "linux", feature = "fake-kqueue")
))]
use super::kqueue::Queue;
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
    /// An event that is another thread's to trigger, in the queue where the driver waits.
    #[cfg(any(
        target_os = "macos",
        target_os = "freebsd",
        all(target_os = "linux", feature = "fake-kqueue")
    ))]
    Kqueue(Arc<Queue>),
    /// The port where the driver waits.
    #[cfg(windows)]
    Port(Arc<Port>),
}

impl Bell {
    /// Wakes the driver, if it waits.
    pub(crate) fn ring(&self) {
        match self {
            #[cfg(target_os = "linux")]
            Bell::Eventfd { eventfd, .. } => eventfd.signal(),
            #[cfg(any(
                target_os = "macos",
                target_os = "freebsd",
                all(target_os = "linux", feature = "fake-kqueue")
            ))]
            Bell::Kqueue(queue) => queue.ring(),
            #[cfg(windows)]
            Bell::Port(port) => port.ring(),
        }
    }
}

#[cfg(target_os = "linux")]
impl Bell {
    pub(crate) fn by_eventfd(eventfd: Eventfd) -> Bell {
        Bell::Eventfd { eventfd, mailbox: Mutex::new(None) }
    }

    /// Where a ring's message has to go instead, if it can.
    pub(crate) fn mailbox(&self) -> Option<Arc<OwnedFd>> {
        match self {
            Bell::Eventfd { mailbox, .. } => mailbox.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            #[cfg(feature = "fake-kqueue")]
            Bell::Kqueue(_) => None,
        }
    }

    /// Only a ring has one.
    pub(crate) fn set_mailbox(&self, ring: Option<Arc<OwnedFd>>) {
        match self {
            Bell::Eventfd { mailbox, .. } => *mailbox.lock().unwrap_or_else(PoisonError::into_inner) = ring,
            #[cfg(feature = "fake-kqueue")]
            Bell::Kqueue(_) => {}
        }
    }

    /// What becomes readable when it rings, if it is an eventfd.
    pub(crate) fn eventfd(&self) -> Option<RawFd> {
        match self {
            Bell::Eventfd { eventfd, .. } => Some(eventfd.as_raw_fd()),
            #[cfg(feature = "fake-kqueue")]
            Bell::Kqueue(_) => None,
        }
    }
}
