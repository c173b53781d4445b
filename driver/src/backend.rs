//! The backends: one table of what runs where, and what every backend promises.
//!
//! | system | backends, the preferred one first | woken by |
//! | --- | --- | --- |
//! | Linux | [`io_uring`], [`epoll`] | an eventfd, or a message between rings |
//! | macOS, FreeBSD | `kqueue` | an event in the queue that is the caller's to trigger |
//! | Windows | `iocp` | a packet in the port |
//!
//! The table in code is [`backends!`] below: a backend is a type that is an [`Interpreter`], and a line there. What systems
//! differ in beside that is in [`os`].
//!
//! # The contract
//!
//! A backend gets an operation with its record, and ends it in exactly one of two ways: it says at once that it is
//! complete, or it leaves it pending and hands over one completion in a later turn, after which it never looks at the
//! operation's memory again. A cancel is a request: it may come too late, and the operation still ends exactly once. What
//! the kernel refuses for the moment (a full queue, no memory, a signal) is waited out, not reported.
//!
//! What runs how is [`Interpreter::capability`].

use std::io;
use std::sync::Arc;

use crate::completion::{Completion, OpKey, Submission};
use crate::config::Config;
use crate::handle::Handle;
use crate::ledger::{Ledger, Pause};
use crate::op::Op;
use crate::unpark::Parking;

#[cfg(unix)]
pub(crate) mod at_once;
#[cfg(unix)]
mod attempt;
mod bell;
#[cfg(unix)]
mod blocking;
mod choose;
#[cfg(unix)]
mod edges;
pub(crate) mod os;
#[cfg(unix)]
mod page_cache;
#[cfg(unix)]
mod readiness;
#[cfg(unix)]
mod registrations;
#[cfg(unix)]
mod system_calls;
mod table;
#[cfg(unix)]
mod waiters;

#[cfg(target_os = "linux")]
mod epoll;
#[cfg(target_os = "linux")]
mod io_uring;
#[cfg(any(target_os = "macos", target_os = "freebsd", all(target_os = "linux", feature = "fake-kqueue")))]
mod kqueue;

#[cfg(windows)]
mod iocp;

#[cfg(unix)]
pub(crate) use attempt::clean_up;
pub(crate) use bell::Bell;
use choose::Refusal;
pub(crate) use choose::choose;
pub use choose::{BackendUnavailable, Choice, Rejection, UnknownBackend};
#[cfg(windows)]
pub(crate) use iocp::{Lazy, at_once, clean_up};
#[cfg(unix)]
pub(crate) use registrations::Lazy;

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "freebsd", windows)))]
compile_error!("fibra-driver has no backend for this system: it runs on Linux, macOS, FreeBSD and Windows");

table::backends! {
    /// Linux's rings: operations go in, completions come out.
    #[cfg(target_os = "linux")]
    IoUring = "io_uring": io_uring::Ring,
    /// Linux's readiness: operations are tried, and tried again once the descriptor is ready.
    #[cfg(target_os = "linux")]
    Epoll = "epoll": readiness::Readiness<epoll::Epoll>,
    /// The readiness of macOS and FreeBSD: as epoll, and the system is asked and answers in the same call.
    #[cfg(any(target_os = "macos", target_os = "freebsd", all(target_os = "linux", feature = "fake-kqueue")))]
    Kqueue = "kqueue": readiness::Readiness<kqueue::Kqueue>,
    /// Windows' completion ports: overlapped operations, whose ends come out of a port.
    #[cfg(windows)]
    Iocp = "iocp": iocp::Iocp,
}

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
    /// Nobody does it here: it fails with an error of the kind [`Unsupported`](io::ErrorKind::Unsupported).
    Unsupported,
}

/// A backend that has started, what it shares with those who wake it, and what it uses of the kernel's abilities.
pub(crate) type Started<B> = (B, Arc<Parking>, Vec<&'static str>);

/// What a backend is: it interprets operations, by the contract above.
pub(crate) trait Interpreter: Sized {
    /// Finds out by operations whether it works here.
    fn start(config: &Config) -> Result<Started<Self>, Refusal>;

    /// How it does `op`: the one place that decides. Timeouts are none of its business.
    fn capability(&self, op: &Op) -> Capability;

    /// Starts an operation that is not for the pool.
    ///
    /// # Safety
    ///
    /// The contract of [`Driver::submit`](crate::Driver::submit).
    unsafe fn submit(&mut self, ledger: &mut Ledger, op: &Op, word: usize) -> Submission;

    /// Whether something that was submitted waits for the next turn. Most start it at once.
    fn has_queued(&mut self) -> bool {
        false
    }

    /// Whether the thread has had no time to spare of late. Where it isn't known, it has.
    fn is_saturated(&self) -> bool {
        false
    }

    /// Whether a read that finds its bytes in the page cache pays now.
    fn reads_cache(&mut self) -> bool;

    /// Asks for an operation that the ledger cannot cancel by itself to end.
    fn cancel(&mut self, ledger: &mut Ledger, key: OpKey);

    /// One exchange with the kernel. Returns whether a notice has ended it.
    fn turn(
        &mut self,
        ledger: &mut Ledger,
        pause: Pause,
        completions: &mut Vec<Completion>,
    ) -> io::Result<bool>;

    /// Goes on with what came due in the ledger.
    fn continue_due(&mut self, ledger: &mut Ledger, token: u64);

    /// Somebody else has received what the socket had. Whoever has the kernel look by itself need not know.
    fn note_emptied(&mut self, _socket: &Handle) {}

    /// Whether [`send_message`](Interpreter::send_message) is anything else than the bell.
    fn can_send_messages(&self) -> bool {
        false
    }

    /// Wakes a peer that sleeps, at the next turn at the latest.
    fn send_message(&mut self, _ledger: &mut Ledger, peer: &Arc<Parking>) {
        peer.bell().ring();
    }

    /// The driver ends: no messages must reach it any more.
    fn refuse_messages(&mut self, _parking: &Parking) {}

    /// Sees to it that nothing which the kernel may still use is freed. Most share no memory with it between system calls.
    fn leak(&mut self) {}
}

impl Backend {
    /// How this backend does `op`.
    pub(crate) fn capability(&self, op: &Op) -> Capability {
        match op {
            // One wheel for all: it takes any number, in constant time and without a system call.
            Op::Timeout { .. } => Capability::Emulated,
            op => each!(self, backend => backend.capability(op)),
        }
    }

    /// Starts an operation.
    ///
    /// # Safety
    ///
    /// The contract of [`Driver::submit`](crate::Driver::submit).
    #[inline]
    pub(crate) unsafe fn submit(&mut self, ledger: &mut Ledger, op: &Op, word: usize) -> Submission {
        // SAFETY: the same contract.
        unsafe {
            each!(self, backend => match backend.capability(op) {
                Capability::Pool => Submission::Pending(ledger.offload(op, word)),
                Capability::Unsupported => Submission::Complete(Err(io::ErrorKind::Unsupported.into())),
                _ => backend.submit(ledger, op, word),
            })
        }
    }

    /// Does a read of what is in the page cache; see [`page_cache`].
    ///
    /// # Safety
    ///
    /// What the operation points to is valid, and its descriptor open, for the length of the call.
    #[inline]
    pub(crate) unsafe fn read_cached(&mut self, op: &Op) -> Option<u32> {
        if !each!(self, backend => backend.reads_cache()) {
            return None;
        }
        #[cfg(windows)]
        unreachable!("there is no such call: {}", op.name());
        // SAFETY: the same contract.
        #[cfg(unix)]
        unsafe {
            page_cache::read(op)
        }
    }

    /// As [`Interpreter::cancel`].
    pub(crate) fn cancel(&mut self, ledger: &mut Ledger, key: OpKey) {
        each!(self, backend => backend.cancel(ledger, key));
    }

    /// As [`Interpreter::has_queued`].
    #[inline]
    pub(crate) fn has_queued(&mut self) -> bool {
        each!(self, backend => backend.has_queued())
    }

    /// As [`Interpreter::is_saturated`].
    #[inline]
    pub(crate) fn is_saturated(&self) -> bool {
        each!(self, backend => backend.is_saturated())
    }

    /// As [`Interpreter::note_emptied`].
    pub(crate) fn note_emptied(&mut self, socket: &Handle) {
        each!(self, backend => backend.note_emptied(socket));
    }

    /// As [`Interpreter::turn`].
    #[inline] // As a call of its own it is a tenth of a turn that finds nothing.
    pub(crate) fn turn(
        &mut self,
        ledger: &mut Ledger,
        pause: Pause,
        completions: &mut Vec<Completion>,
    ) -> io::Result<bool> {
        each!(self, backend => backend.turn(ledger, pause, completions))
    }

    /// Goes on with what came due in the ledger.
    pub(crate) fn follow_up(&mut self, ledger: &mut Ledger) {
        while let Some(token) = ledger.due.pop() {
            each!(self, backend => backend.continue_due(ledger, token));
        }
    }

    /// As [`Interpreter::can_send_messages`].
    pub(crate) fn can_send_messages(&self) -> bool {
        each!(self, backend => backend.can_send_messages())
    }

    /// As [`Interpreter::send_message`].
    pub(crate) fn send_message(&mut self, ledger: &mut Ledger, peer: &Arc<Parking>) {
        each!(self, backend => backend.send_message(ledger, peer));
    }

    /// As [`Interpreter::refuse_messages`].
    pub(crate) fn refuse_messages(&mut self, parking: &Parking) {
        each!(self, backend => backend.refuse_messages(parking));
    }

    /// As [`Interpreter::leak`].
    pub(crate) fn leak(&mut self) {
        each!(self, backend => backend.leak());
    }
}
