//! Streams for those who poll: the traits of hyper and the like.
//!
//! Such a caller lends its buffer for the length of one `poll`, no longer, so the kernel must not have it afterwards. A
//! system call that doesn't wait is tried first; if there is nothing to do yet, an operation that waits for readiness,
//! and touches no memory, brings the task back.

use super::socket::Socket;
use crate::{
    io::{
        OpFuture,
        owned::{Ready, ready},
    },
    scheduler::share,
};
use fibra_driver::Interest;
use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// One direction of a stream: what brings back the task that found nothing to do.
#[derive(Default)]
pub(super) struct Readiness {
    waiting: Option<OpFuture<Ready<Socket>>>,
}

impl Readiness {
    /// Tries `operation`, which must not wait, whenever the socket is ready for `interest`, until it has a result.
    pub(super) fn poll<T>(
        &mut self,
        socket: &Arc<Socket>,
        interest: Interest,
        context: &mut Context<'_>,
        mut operation: impl FnMut(&Socket) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        // A peer that always has something ready must not starve the other tasks.
        ready!(share::poll_charge(context));
        loop {
            if let Some(waiting) = &mut self.waiting {
                let (readiness, _) = ready!(Pin::new(waiting).poll(context));
                self.waiting = None;
                readiness?;
            }
            match operation(socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.waiting = Some(ready(Arc::clone(socket), interest));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }
}
