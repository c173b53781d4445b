//! A read into an owned buffer. It needs no record on the heap if it is over before it would have been submitted.

use super::{HasHandle, Place};
use crate::{
    io::{BufferMut, OpFuture, Payload, borrowed::count, direct::read_cached},
    scheduler::{share, worker::Worker},
};
use fibra_driver::Op;
use std::{
    future::Future,
    io, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// Reads into `buffer`, from its `start` on.
///
/// # Panics
///
/// If `start` is beyond the buffer.
pub(crate) fn read<D: HasHandle, B: BufferMut>(
    from: Arc<D>,
    place: Place,
    buffer: B,
    start: usize,
) -> impl Future<Output = (io::Result<usize>, B)> + Send {
    Reading::New(Read { from, place, buffer, start })
}

/// The same from a socket, from the buffer's beginning: there is no cache to look into first, so all is in the operation, and
/// the future of a connection that waits for this is small.
pub(crate) fn receive<D: HasHandle, B: BufferMut>(
    from: Arc<D>,
    flags: i32,
    buffer: B,
) -> impl Future<Output = (io::Result<usize>, B)> + Send {
    OpFuture::new(Receive { from, flags, buffer }).map(|result, receive| (result.map(count), receive.buffer))
}

struct Receive<D, B> {
    from: Arc<D>,
    flags: i32,
    buffer: B,
}

// SAFETY: the buffer, whose bytes stay where they are, and the reference to the descriptor are the payload's.
unsafe impl<D: HasHandle, B: BufferMut> Payload for Receive<D, B> {
    fn op(&mut self) -> Op {
        let bytes = self.buffer.bytes_mut();
        let (buffer, len) = (bytes.as_mut_ptr(), bytes.len());
        Op::Recv { fd: self.from.handle().target(), buffer, len, flags: self.flags }
    }
}

/// A transfer into a buffer, from its `start` on.
struct Read<D, B> {
    from: Arc<D>,
    place: Place,
    buffer: B,
    start: usize,
}

// SAFETY: the buffer, whose bytes stay where they are, and the reference to the descriptor are the payload's.
unsafe impl<D: HasHandle, B: BufferMut> Payload for Read<D, B> {
    fn op(&mut self) -> Op {
        let fd = self.from.handle().target();
        let bytes = &mut self.buffer.bytes_mut()[self.start..];
        let (buffer, len) = (bytes.as_mut_ptr(), bytes.len());
        match self.place {
            Place::Socket { flags } => Op::Recv { fd, buffer, len, flags },
            Place::File(offset) => Op::Read { fd, buffer, len, offset },
        }
    }
}

impl<D: HasHandle, B: BufferMut> Read<D, B> {
    /// Reads what is in the page cache, if this is where to look first. `Pending`: others have their turn before.
    fn try_cache(&mut self, context: &mut Context<'_>) -> Poll<Option<u32>> {
        let (Place::File(_), Some(worker)) = (self.place, Worker::here()) else { return Poll::Ready(None) };
        if worker.has_at_hand() {
            return Poll::Ready(None);
        }
        ready!(share::poll_charge(context));
        let op = self.op();
        // SAFETY: the buffer and the descriptor are ours for the length of the call.
        Poll::Ready(unsafe { read_cached(worker, &op) })
    }
}

/// See the module.
enum Reading<D: HasHandle, B: BufferMut> {
    New(Read<D, B>),
    Started(OpFuture<Read<D, B>>),
    /// The output was returned.
    Over,
}

/// What is read into is not in the buffer's owner, which may be moved.
impl<D: HasHandle, B: BufferMut> Unpin for Reading<D, B> {}

impl<D: HasHandle, B: BufferMut> Future for Reading<D, B> {
    type Output = (io::Result<usize>, B);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Reading::New(read) = this {
            let cached = ready!(read.try_cache(context));
            let Reading::New(read) = mem::replace(this, Reading::Over) else {
                unreachable!("looked at above")
            };
            match cached {
                Some(result) => return Poll::Ready((Ok(count(result)), read.buffer)),
                None => *this = Reading::Started(OpFuture::new(read)),
            }
        }
        let Reading::Started(operation) = this else { panic!("a read was polled after it was ready") };
        let output = ready!(operation.poll_map(context, |result, read| (result.map(count), read.buffer)));
        *this = Reading::Over;
        Poll::Ready(output)
    }
}
