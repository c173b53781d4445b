//! Waiting for the client of a named pipe, on Windows.

use super::{OpFuture, Payload, owned::HasHandle, perform};
use fibra_driver::{Handle, Op};
use std::{io, sync::Arc};

/// In direct style. The results, cancellation and deadlines are those of [`perform`].
pub(crate) fn accept(pipe: &Handle) -> io::Result<()> {
    // SAFETY: the pipe is borrowed for the call.
    unsafe { perform(Op::AcceptPipe { fd: pipe.target() }, None) }.map(drop)
}

struct Accept<D>(Arc<D>);

// SAFETY: the reference to the descriptor is the payload's.
unsafe impl<D: HasHandle> Payload for Accept<D> {
    fn op(&mut self) -> Op {
        Op::AcceptPipe { fd: self.0.handle().target() }
    }
}

/// As a future. One that is dropped has taken nobody.
pub(crate) async fn accept_async<D: HasHandle>(pipe: Arc<D>) -> io::Result<()> {
    OpFuture::new(Accept(pipe)).await.0.map(drop)
}
