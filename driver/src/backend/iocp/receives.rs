//! Who waits for a socket's bytes, so that a shutdown of our own side can tell them that none will come.
//!
//! Elsewhere the system does: on Windows a receive in flight stays there until the peer does something. Each of them is in a list
//! of its handle's from the moment that the system has it until its packet is home. The shutdown marks the list and cancels what
//! stands in it; who comes to a list that is marked cancels himself. What ends so was not asked for by its submitter, and
//! means the end of the stream.

use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use windows_sys::Win32::System::IO::{CancelIoEx, OVERLAPPED};

use super::super::os::RawFd;
use crate::op::{Interest, Op};

#[derive(Default)]
pub(crate) struct Receives(Mutex<List>);

#[derive(Default)]
struct List {
    is_shut: bool,
    waiting: Vec<Waiting>,
}

/// What the system has, and the handle that it was given for: the socket's, or the one that is asked for its readiness.
struct Waiting {
    fd: RawFd,
    overlapped: *mut OVERLAPPED,
}

// SAFETY: the pointer is only handed to the system, which takes it for a name.
unsafe impl Send for Waiting {}

/// Whether a shutdown for reading ends it.
pub(super) fn receives(op: &Op) -> bool {
    match *op {
        Op::Recv { .. } | Op::RecvVectored { .. } | Op::RecvFrom { .. } | Op::RecvShared { .. } => true,
        Op::Poll { interest, .. } => interest.contains(Interest::READABLE),
        _ => false,
    }
}

impl Receives {
    fn lock(&self) -> MutexGuard<'_, List> {
        // Nothing in there panics halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the socket was shut down for reading.
    pub(super) fn are_shut(&self) -> bool {
        self.lock().is_shut
    }

    /// The system has a receive.
    ///
    /// # Safety
    ///
    /// It was given to the system for this handle, and the memory stays at least until it is [taken out](Receives::leave).
    pub(super) unsafe fn enter(&self, fd: RawFd, overlapped: *mut OVERLAPPED) {
        let mut list = self.lock();
        let waiting = Waiting { fd, overlapped };
        if list.is_shut {
            waiting.cancel();
        }
        list.waiting.push(waiting);
    }

    /// The system has done with a receive.
    pub(super) fn leave(&self, overlapped: *mut OVERLAPPED) {
        let waiting = &mut self.lock().waiting;
        if let Some(place) = waiting.iter().position(|waiting| ptr::eq(waiting.overlapped, overlapped)) {
            waiting.swap_remove(place);
        }
    }

    /// The socket is shut down for reading.
    pub(super) fn shut(&self) {
        let mut list = self.lock();
        list.is_shut = true;
        list.waiting.iter().for_each(Waiting::cancel);
    }
}

impl Waiting {
    /// It fails if the receive is over already, which is as good.
    fn cancel(&self) {
        // SAFETY: the receive is in the list, which is locked: its memory is still there, and its handle open.
        unsafe { CancelIoEx(ptr::without_provenance_mut(self.fd), self.overlapped) };
    }
}
