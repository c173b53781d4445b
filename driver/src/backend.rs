//! The backends: one table of what runs where, and what every backend promises.
//!
//! | system | backends, the preferred one first | woken by |
//! | --- | --- | --- |
//! | Linux | [`io_uring`], [`epoll`] | [`eventfd`], or a message between rings |
//!
//! # The contract
//!
//! A backend gets an operation with its record, and ends it in exactly one of two ways: it says at once that it is
//! complete, or it leaves it pending and hands over one completion in a later turn, after which it never looks at the
//! operation's memory again. A cancel is a request: it may come too late, and the operation still ends exactly once. What
//! the kernel refuses for the moment (a full queue, no memory, a signal) is waited out, not reported.
//!
//! What runs how is [`Backend::capability`].

use std::io;
use std::sync::Arc;

use crate::completion::{Completion, OpKey, Submission};
use crate::handle::Handle;
use crate::ledger::{Ledger, Pause};
use crate::op::Op;
use crate::unpark::Parking;

mod blocking;
mod choose;
mod edges;
mod page_cache;
mod readiness;
mod registrations;
mod system_calls;
mod waiters;

#[cfg(target_os = "linux")]
mod epoll;
#[cfg(target_os = "linux")]
mod eventfd;
#[cfg(target_os = "linux")]
mod io_uring;

pub(crate) use choose::choose;
pub use choose::{BackendKind, BackendUnavailable, Choice, Rejection, UnknownBackend};
pub(crate) use eventfd::Bell;
pub(crate) use readiness::clean_up;
pub(crate) use registrations::Lazy;

#[cfg(not(target_os = "linux"))]
compile_error!("fibra-driver has no backend for this system: it runs on Linux");

/// How a backend does an operation.
///
/// ```
/// use fibra_driver::{Capability, Config, Driver, Op};
/// let driver = Driver::new(&Config::default())?;
/// let timeout = Op::Timeout { deadline: std::time::Instant::now() };
/// assert_eq!(driver.capability(&timeout), Capability::Emulated);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability {
    /// The kernel does it, in its own time.
    Native,
    /// The driver does it by other means that do not block: it tries, and waits for readiness; or its timers do it.
    Emulated,
    /// A thread of the pool does it, by a call that may block.
    Pool,
}

/// The backend of one driver.
pub(crate) enum Backend {
    IoUring(Box<io_uring::Ring>),
    Epoll(Box<epoll::Epoll>),
}

impl Backend {
    /// How this backend does `op`: the one place that decides.
    pub(crate) fn capability(&self, op: &Op) -> Capability {
        use Capability::{Emulated, Native, Pool};
        match (self, op) {
            // One wheel for both: it takes any number, in constant time and without a system call.
            (_, Op::Timeout { .. }) => Emulated,
            (Backend::IoUring(ring), op) if ring.lacks(op) => Pool,
            (Backend::IoUring(_), _) => Native,
            // There is no readiness of disks. A close goes to the pool only where it may block.
            (Backend::Epoll(_), Op::Open { .. } | Op::Statx { .. } | Op::Sync { .. }) => Pool,
            (Backend::Epoll(_), Op::Shutdown { .. } | Op::Close { .. }) => Native,
            // Reads and writes: of a stream by readiness; of a file from the page cache, or by the pool; without the page
            // cache by the pool.
            (Backend::Epoll(_), _) => Emulated,
        }
    }

    /// Starts an operation.
    ///
    /// # Safety
    ///
    /// The contract of [`Driver::submit`](crate::Driver::submit).
    pub(crate) unsafe fn submit(&mut self, ledger: &mut Ledger, op: &Op, word: usize) -> Submission {
        // SAFETY: the same contract.
        unsafe {
            match (self.capability(op), self) {
                (Capability::Pool, _) => Submission::Pending(ledger.offload(op, word)),
                (_, Backend::IoUring(ring)) => Submission::Pending(ring.submit(ledger, op, word)),
                (_, Backend::Epoll(epoll)) => epoll.submit(ledger, op, word),
            }
        }
    }

    /// Does a read of what is in the page cache; see [`page_cache`].
    ///
    /// # Safety
    ///
    /// What the operation points to is valid, and its descriptor open, for the length of the call.
    #[inline]
    pub(crate) unsafe fn read_cached(&mut self, op: &Op) -> Option<u32> {
        if let Backend::IoUring(ring) = self
            && ring.has_queued()
        {
            // It goes with the others, in the same enter.
            return None;
        }
        // SAFETY: the same contract.
        unsafe { page_cache::read(op) }
    }

    /// Asks for an operation that the ledger cannot cancel by itself to end.
    pub(crate) fn cancel(&mut self, ledger: &mut Ledger, key: OpKey) {
        match self {
            Backend::IoUring(ring) => ring.cancel(key),
            Backend::Epoll(epoll) => epoll.cancel(ledger, key),
        }
    }

    /// Somebody else has received what the socket had.
    pub(crate) fn note_emptied(&mut self, socket: &Handle) {
        match self {
            // The kernel looks by itself.
            Backend::IoUring(_) => {}
            Backend::Epoll(epoll) => epoll.note_emptied(socket),
        }
    }

    /// One exchange with the kernel. Returns whether a notice has ended it.
    #[inline] // As a call of its own it is a tenth of a turn that finds nothing.
    pub(crate) fn turn(
        &mut self,
        ledger: &mut Ledger,
        pause: Pause,
        completions: &mut Vec<Completion>,
    ) -> io::Result<bool> {
        match self {
            Backend::IoUring(ring) => ring.turn(ledger, pause, completions),
            Backend::Epoll(epoll) => epoll.turn(ledger, pause, completions),
        }
    }

    /// Goes on with what came due in the ledger.
    pub(crate) fn follow_up(&mut self, ledger: &mut Ledger) {
        while let Some(token) = ledger.due.pop() {
            match self {
                Backend::IoUring(ring) => ring.continue_due(ledger, token),
                Backend::Epoll(epoll) => epoll.continue_due(ledger, token),
            }
        }
    }

    /// Whether [`send_message`](Backend::send_message) works.
    pub(crate) fn can_send_messages(&self) -> bool {
        match self {
            Backend::IoUring(ring) => ring.can_send_messages(),
            Backend::Epoll(_) => false,
        }
    }

    /// Wakes a peer that sleeps, at the next turn at the latest.
    pub(crate) fn send_message(&mut self, ledger: &mut Ledger, peer: &Arc<Parking>) {
        match self {
            Backend::IoUring(ring) => ring.send_message(ledger, peer),
            Backend::Epoll(_) => peer.bell().ring(),
        }
    }

    /// Sees to it that nothing which the kernel may still use is freed.
    pub(crate) fn leak(&mut self) {
        match self {
            Backend::IoUring(ring) => ring.leak(),
            // The kernel holds no pointers of ours between system calls.
            Backend::Epoll(_) => {}
        }
    }
}
