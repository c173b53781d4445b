//! Datagrams out of owned buffers and into them, each with an address.

use super::HasHandle;
use crate::io::{Buffer, BufferMut, OpFuture, Payload, borrowed::count};
use fibra_driver::{Op, RawAddress};
use std::{io, ptr, sync::Arc};

struct RecvFrom<D, B> {
    from: Arc<D>,
    peek: bool,
    buffer: B,
    sender: RawAddress,
}

// SAFETY: the buffer, whose bytes stay where they are, the address and the reference to the descriptor are the payload's.
unsafe impl<D: HasHandle, B: BufferMut> Payload for RecvFrom<D, B> {
    fn op(&mut self) -> Op {
        let bytes = self.buffer.bytes_mut();
        let (buffer, len) = (bytes.as_mut_ptr(), bytes.len());
        let (fd, peek, address) = (self.from.handle().target(), self.peek, &raw mut self.sender);
        Op::RecvFrom { fd, buffer, len, peek, address }
    }
}

/// Receives a datagram into `buffer`, and says who has sent it, in the form that `address` gives it.
pub(crate) async fn recv_from<D: HasHandle, B: BufferMut, A>(
    from: Arc<D>,
    peek: bool,
    buffer: B,
    address: fn(&RawAddress) -> io::Result<A>,
) -> (io::Result<(usize, A)>, B) {
    let received = RecvFrom { from, peek, buffer, sender: RawAddress::empty() };
    let (result, received) = OpFuture::new(received).await;
    let named = |length| Ok((count(length), address(&received.sender)?));
    (result.and_then(named), received.buffer)
}

struct SendTo<D, B> {
    to: Arc<D>,
    buffer: B,
    receiver: Option<RawAddress>,
}

// SAFETY: as for `RecvFrom`.
unsafe impl<D: HasHandle, B: Buffer> Payload for SendTo<D, B> {
    fn op(&mut self) -> Op {
        let bytes = self.buffer.bytes();
        let (buffer, len) = (bytes.as_ptr(), bytes.len());
        let address = self.receiver.as_ref().map_or(ptr::null(), ptr::from_ref);
        Op::SendTo { fd: self.to.handle().target(), buffer, len, address }
    }
}

/// Sends `buffer` to an address, or to whom the socket is connected with.
pub(crate) fn send_to<D: HasHandle, B: Buffer>(
    to: Arc<D>,
    buffer: B,
    receiver: Option<RawAddress>,
) -> impl Future<Output = (io::Result<usize>, B)> + Send {
    OpFuture::new(SendTo { to, buffer, receiver }).map(|result, sent| (result.map(count), sent.buffer))
}
