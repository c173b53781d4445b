//! Operations with owned memory, for futures: each returns its buffer with the result.
//!
//! A future that is dropped leaves its buffer, and its reference to the descriptor, to the driver until the kernel
//! has answered. What the kernel had read into the buffer by then is lost with it.
//!
//! The transfers are no async functions but return blocks: an async function keeps its arguments twice, as what it was
//! called with and as its variables, and each idle connection is a future that waits in one of these.

mod datagram;
mod reading;
mod writing;

pub(crate) use {
    datagram::{recv_from, send_to},
    reading::{read, receive},
    writing::{send_file, write, write_all},
};

use super::{
    Buffer, BufferMut, OpFuture, Payload,
    borrowed::{count, owned},
    path::SystemPath,
};
#[cfg(feature = "_polled")]
use fibra_driver::Interest;
use fibra_driver::{Descriptor, Handle, Offset, Op, OpenFlags, RawAddress, RawSlice, RawStatx, raw_slice};
use std::{io, mem::MaybeUninit, sync::Arc};

/// What owns a descriptor.
pub(crate) trait HasHandle: Send + Sync + 'static {
    fn handle(&self) -> &Handle;
}

/// What kind of transfer.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// From or to a socket, with flags of `recv` or `send`.
    Socket { flags: i32 },
    /// From or to a file.
    File(Offset),
}

/// Reads until `buffer` is full; the place moves along.
#[expect(clippy::manual_async_fn, reason = "an async function keeps its arguments twice")]
pub(crate) fn read_exact<D: HasHandle, B: BufferMut>(
    from: Arc<D>,
    place: Place,
    mut buffer: B,
) -> impl Future<Output = (io::Result<()>, B)> + Send {
    async move {
        let len = buffer.bytes().len();
        let mut done = 0;
        while done < len {
            let result;
            (result, buffer) = read(Arc::clone(&from), place.after(done), buffer, done).await;
            match result {
                Ok(0) => return (Err(io::ErrorKind::UnexpectedEof.into()), buffer),
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (Err(error), buffer),
            }
        }
        (Ok(()), buffer)
    }
}

impl Place {
    /// The place so many bytes further on.
    fn after(self, done: usize) -> Place {
        match self {
            Place::File(offset) => Place::File(offset.after(done)),
            place => place,
        }
    }
}

/// Slices for the kernel, made of the buffers beside it.
struct Slices(Vec<RawSlice>);

// SAFETY: they point to memory of buffers that are `Send` and lie beside them in the payload.
unsafe impl Send for Slices {}

struct ReadVectored<D, B> {
    from: Arc<D>,
    buffers: Vec<B>,
    slices: Slices,
}

// SAFETY: the buffers, whose bytes stay where they are, their slices, which are on the heap, and the reference to the
// descriptor are the payload's.
unsafe impl<D: HasHandle, B: BufferMut> Payload for ReadVectored<D, B> {
    fn op(&mut self) -> Op {
        let slice = |bytes: &mut [u8]| raw_slice(bytes.as_mut_ptr(), bytes.len());
        self.slices.0.extend(self.buffers.iter_mut().map(|buffer| slice(buffer.bytes_mut())));
        let slices = &mut self.slices.0;
        let fd = self.from.handle().target();
        Op::RecvVectored { fd, slices: slices.as_mut_ptr(), count: slices.len() }
    }
}

/// Receives into several buffers in turn.
pub(crate) fn recv_vectored<D: HasHandle, B: BufferMut>(
    from: Arc<D>,
    buffers: Vec<B>,
) -> impl Future<Output = (io::Result<usize>, Vec<B>)> + Send {
    let slices = Slices(Vec::with_capacity(buffers.len()));
    let read = OpFuture::new(ReadVectored { from, buffers, slices });
    read.map(|result, read| (result.map(count), read.buffers))
}

struct WriteVectored<D, B> {
    to: Arc<D>,
    buffers: Vec<B>,
    slices: Slices,
}

// SAFETY: as for `ReadVectored`; the kernel only reads, though its type doesn't say so.
unsafe impl<D: HasHandle, B: Buffer> Payload for WriteVectored<D, B> {
    fn op(&mut self) -> Op {
        let slice = |bytes: &[u8]| raw_slice(bytes.as_ptr().cast_mut(), bytes.len());
        self.slices.0.extend(self.buffers.iter().map(|buffer| slice(buffer.bytes())));
        let slices = &self.slices.0;
        let fd = self.to.handle().target();
        Op::SendVectored { fd, slices: slices.as_ptr(), count: slices.len() }
    }
}

/// Sends several buffers in turn.
pub(crate) fn send_vectored<D: HasHandle, B: Buffer>(
    to: Arc<D>,
    buffers: Vec<B>,
) -> impl Future<Output = (io::Result<usize>, Vec<B>)> + Send {
    let slices = Slices(Vec::with_capacity(buffers.len()));
    let write = OpFuture::new(WriteVectored { to, buffers, slices });
    write.map(|result, write| (result.map(count), write.buffers))
}

/// A connection, and whose it is.
pub(crate) type Connection = (Descriptor, RawAddress);

/// What connections are taken from.
pub(crate) trait Listens: HasHandle {
    /// Keeps a connection that was taken for a future that had been dropped, for whoever accepts next. Must not wait.
    fn put_back(&self, connection: Connection);
}

pub(crate) struct Accept<D> {
    listener: Arc<D>,
    address: RawAddress,
}

// SAFETY: the address and the reference to the descriptor are the payload's.
unsafe impl<D: Listens> Payload for Accept<D> {
    fn op(&mut self) -> Op {
        Op::Accept { fd: self.listener.handle().target(), address: &raw mut self.address }
    }

    fn orphaned(&mut self, result: io::Result<u32>) {
        if let Ok(connection) = result.map(owned) {
            self.listener.put_back((connection, self.address));
        }
    }
}

/// Takes a connection; the descriptor is close-on-exec. See [`accepted`] for what becomes of the output.
pub(crate) fn accept<D: Listens>(listener: Arc<D>) -> OpFuture<Accept<D>> {
    OpFuture::new(Accept { listener, address: RawAddress::empty() })
}

/// The connection that was taken, and whose it is.
pub(crate) fn accepted<D>((result, payload): (io::Result<u32>, Accept<D>)) -> io::Result<Connection> {
    Ok((owned(result?), payload.address))
}

struct Connect<D> {
    socket: Arc<D>,
    address: RawAddress,
}

// SAFETY: the address and the reference to the descriptor are the payload's.
unsafe impl<D: HasHandle> Payload for Connect<D> {
    fn op(&mut self) -> Op {
        Op::Connect { fd: self.socket.handle().target(), address: &raw const self.address }
    }
}

pub(crate) async fn connect<D: HasHandle>(socket: Arc<D>, address: RawAddress) -> io::Result<()> {
    OpFuture::new(Connect { socket, address }).await.0.map(drop)
}

/// Waiting for a descriptor to be ready, for those who poll.
#[cfg(feature = "_polled")]
pub(crate) struct Ready<D> {
    descriptor: Arc<D>,
    interest: Interest,
}

// SAFETY: the reference to the descriptor is the payload's.
#[cfg(feature = "_polled")]
unsafe impl<D: HasHandle> Payload for Ready<D> {
    fn op(&mut self) -> Op {
        Op::Poll { fd: self.descriptor.handle().target(), interest: self.interest }
    }
}

#[cfg(feature = "_polled")]
pub(crate) fn ready<D: HasHandle>(descriptor: Arc<D>, interest: Interest) -> OpFuture<Ready<D>> {
    OpFuture::new(Ready { descriptor, interest })
}

/// Receiving, with memory only when there is something.
#[cfg(feature = "hyper")]
pub(crate) struct Arrival<D> {
    socket: Arc<D>,
    bytes: Vec<u8>,
}

#[cfg(feature = "hyper")]
impl<D> Arrival<D> {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

// SAFETY: the vector and the reference to the descriptor are the payload's.
#[cfg(feature = "hyper")]
unsafe impl<D: HasHandle> Payload for Arrival<D> {
    fn op(&mut self) -> Op {
        Op::RecvShared { fd: self.socket.handle().target(), bytes: &raw mut self.bytes }
    }
}

#[cfg(feature = "hyper")]
pub(crate) fn arrival<D: HasHandle>(socket: Arc<D>) -> OpFuture<Arrival<D>> {
    OpFuture::new(Arrival { socket, bytes: Vec::new() })
}

struct SyncFile<D> {
    file: Arc<D>,
    data_only: bool,
}

// SAFETY: the reference to the descriptor is the payload's.
unsafe impl<D: HasHandle> Payload for SyncFile<D> {
    fn op(&mut self) -> Op {
        Op::Sync { fd: self.file.handle().target(), data_only: self.data_only }
    }
}

pub(crate) async fn sync<D: HasHandle>(file: Arc<D>, data_only: bool) -> io::Result<()> {
    OpFuture::new(SyncFile { file, data_only }).await.0.map(drop)
}

struct Open {
    path: SystemPath,
    flags: OpenFlags,
    mode: u32,
}

// SAFETY: the path, which is on the heap, is the payload's.
unsafe impl Payload for Open {
    fn op(&mut self) -> Op {
        Op::Open { path: self.path.as_ptr(), flags: self.flags, mode: self.mode }
    }

    fn orphaned(&mut self, result: io::Result<u32>) {
        drop(result.map(owned));
    }
}

/// Opens a file; the descriptor is close-on-exec.
pub(crate) async fn open(path: SystemPath, flags: OpenFlags, mode: u32) -> io::Result<Descriptor> {
    OpFuture::new(Open { path, flags, mode }).await.0.map(owned)
}

/// Whose status is asked for, and room for it.
#[allow(dead_code, reason = "on Windows std is asked")]
struct Status {
    of: StatusOf,
    flags: i32,
    mask: u32,
    out: MaybeUninit<RawStatx>,
}

#[allow(dead_code, reason = "on Windows std is asked")]
pub(crate) enum StatusOf {
    Path(SystemPath),
    File(Arc<dyn HasHandle>),
}

// SAFETY: the path or the reference to the descriptor, and the room for the answer, are the payload's.
unsafe impl Payload for Status {
    fn op(&mut self) -> Op {
        let (fd, path) = match &self.of {
            StatusOf::Path(path) => (None, path.as_ptr()),
            StatusOf::File(file) => (Some(file.handle().target().fd()), std::ptr::null()),
        };
        Op::Statx { fd, path, flags: self.flags, mask: self.mask, out: self.out.as_mut_ptr() }
    }
}

#[allow(dead_code, reason = "on Windows std is asked")]
pub(crate) async fn status(of: StatusOf, flags: i32, mask: u32) -> io::Result<RawStatx> {
    let (result, payload) = OpFuture::new(Status { of, flags, mask, out: MaybeUninit::zeroed() }).await;
    result?;
    // SAFETY: it was zeroed, which is a value, and the kernel has filled it.
    Ok(unsafe { payload.out.assume_init() })
}
