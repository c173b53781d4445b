//! Writes from an owned buffer: of what the descriptor takes, or of all.

use super::{HasHandle, Place};
use crate::io::{Buffer, OpFuture, Payload, borrowed::count};
use fibra_driver::Op;
use std::{
    future::Future,
    io, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// A transfer out of a buffer, from its `start` on.
struct Write<D, B> {
    to: Arc<D>,
    place: Place,
    buffer: B,
    start: usize,
}

// SAFETY: the buffer, whose bytes stay where they are, and the reference to the descriptor are the payload's.
unsafe impl<D: HasHandle, B: Buffer> Payload for Write<D, B> {
    fn op(&mut self) -> Op {
        let fd = self.to.handle().target();
        let bytes = &self.buffer.bytes()[self.start..];
        let (buffer, len) = (bytes.as_ptr(), bytes.len());
        match self.place {
            Place::Socket { flags } => Op::Send { fd, buffer, len, flags },
            Place::File(offset) => Op::Write { fd, buffer, len, offset },
        }
    }
}

/// Writes `buffer`, from its `start` on.
///
/// # Panics
///
/// If `start` is beyond the buffer.
pub(crate) fn write<D: HasHandle, B: Buffer>(
    to: Arc<D>,
    place: Place,
    buffer: B,
    start: usize,
) -> impl Future<Output = (io::Result<usize>, B)> + Send {
    OpFuture::new(Write { to, place, buffer, start }).map(|result, write| (result.map(count), write.buffer))
}

impl<D: HasHandle, B: Buffer> Write<D, B> {
    /// So many bytes were written.
    fn advance(&mut self, written: usize) {
        self.start += written;
        self.place = self.place.after(written);
    }

    fn is_over(&self) -> bool {
        self.start >= self.buffer.bytes().len()
    }
}

/// Writes all of `buffer`; the place moves along.
pub(crate) fn write_all<D: HasHandle, B: Buffer>(
    to: Arc<D>,
    place: Place,
    buffer: B,
) -> impl Future<Output = (io::Result<()>, B)> + Send {
    let write = Write { to, place, buffer, start: 0 };
    if write.is_over() { WriteAll::Nothing(Box::new(write)) } else { WriteAll::Rest(OpFuture::new(write)) }
}

/// See [`write_all`]. All that it needs to go on is in the operation: the future of a connection is as large as the largest
/// that it waits for.
enum WriteAll<D: HasHandle, B: Buffer> {
    /// There was nothing to write.
    Nothing(Box<Write<D, B>>),
    Rest(OpFuture<Write<D, B>>),
    /// The output was returned.
    Over,
}

impl<D: HasHandle, B: Buffer> Future for WriteAll<D, B> {
    type Output = (io::Result<()>, B);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let WriteAll::Rest(rest) = &mut *self else { return Poll::Ready(self.take_nothing()) };
            let (result, mut write) = ready!(Pin::new(rest).poll(context));
            let result = match result.map(count) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    write.advance(written);
                    Ok(())
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                Err(error) => Err(error),
            };
            if result.is_err() || write.is_over() {
                *self = WriteAll::Over;
                return Poll::Ready((result, write.buffer));
            }
            *self = WriteAll::Rest(OpFuture::new(write));
        }
    }
}

impl<D: HasHandle, B: Buffer> WriteAll<D, B> {
    fn take_nothing(&mut self) -> (io::Result<()>, B) {
        match mem::replace(self, WriteAll::Over) {
            WriteAll::Nothing(write) => (Ok(()), write.buffer),
            WriteAll::Rest(_) | WriteAll::Over => panic!("a write was polled after it was ready"),
        }
    }
}

struct SendFile<D> {
    to: Arc<D>,
    file: Arc<dyn HasHandle>,
    offset: u64,
    len: usize,
}

// SAFETY: the references to both descriptors are the payload's.
unsafe impl<D: HasHandle> Payload for SendFile<D> {
    fn op(&mut self) -> Op {
        let (fd, file) = (self.to.handle().target(), self.file.handle().target().fd());
        Op::SendFile { fd, file, offset: self.offset, len: self.len }
    }
}

/// Sends a part of a file. `Unsupported` where the system has no such call that doesn't block.
pub(crate) async fn send_file<D: HasHandle>(
    to: Arc<D>,
    file: Arc<dyn HasHandle>,
    offset: u64,
    len: usize,
) -> io::Result<usize> {
    OpFuture::new(SendFile { to, file, offset, len }).await.0.map(count)
}
