//! Waiting for the client of a named pipe, on Windows.

use super::{End, Pipe};
use crate::io::{OpFuture, Payload, owned::HasHandle, perform};
use fibra_driver::Op;
use std::{future::Future, io, sync::Arc};

impl Pipe {
    /// In direct style. The results, cancellation and deadlines are those of [`perform`].
    pub(crate) fn accept(&self) -> io::Result<()> {
        // SAFETY: the pipe is borrowed for the call.
        unsafe { perform(Op::AcceptPipe { fd: self.as_handle().target() }, None) }.map(drop)
    }

    /// As a future. One that is dropped has taken nobody.
    pub(crate) fn accept_async(&self) -> impl Future<Output = io::Result<()>> + Send + use<> {
        let accept = OpFuture::new(Accept(self.share()));
        async { accept.await.0.map(drop) }
    }
}

struct Accept(Arc<End>);

// SAFETY: the reference to the descriptor is the payload's.
unsafe impl Payload for Accept {
    fn op(&mut self) -> Op {
        Op::AcceptPipe { fd: self.0.handle().target() }
    }
}
