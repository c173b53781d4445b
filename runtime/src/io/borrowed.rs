//! Operations with borrowed memory, safe to call: the frame that borrows is not left before the operation has ended.
//!
//! The results, cancellation and deadlines are those of [`perform`].

use super::{path::SystemPath, perform};
use fibra_driver::{Descriptor, Handle, Offset, Op, OpenFlags, RawAddress, RawStatx};
use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::{self, MaybeUninit},
    ptr,
    time::Instant,
};

pub(crate) fn recv(
    socket: &Handle,
    buffer: &mut [u8],
    flags: i32,
    deadline: Option<Instant>,
) -> io::Result<usize> {
    let op = Op::Recv { fd: socket.target(), buffer: buffer.as_mut_ptr(), len: buffer.len(), flags };
    // SAFETY: socket and buffer are borrowed for the call.
    unsafe { perform(op, deadline) }.map(count)
}

pub(crate) fn send(socket: &Handle, buffer: &[u8], deadline: Option<Instant>) -> io::Result<usize> {
    let op = Op::Send { fd: socket.target(), buffer: buffer.as_ptr(), len: buffer.len(), flags: 0 };
    // SAFETY: socket and buffer are borrowed for the call.
    unsafe { perform(op, deadline) }.map(count)
}

pub(crate) fn recv_vectored(
    socket: &Handle,
    buffers: &mut [IoSliceMut<'_>],
    deadline: Option<Instant>,
) -> io::Result<usize> {
    let op =
        Op::RecvVectored { fd: socket.target(), slices: buffers.as_mut_ptr().cast(), count: buffers.len() };
    // SAFETY: socket and buffers are borrowed for the call, and std's slices have the kernel's layout.
    unsafe { perform(op, deadline) }.map(count)
}

pub(crate) fn send_vectored(
    socket: &Handle,
    buffers: &[IoSlice<'_>],
    deadline: Option<Instant>,
) -> io::Result<usize> {
    let op = Op::SendVectored { fd: socket.target(), slices: buffers.as_ptr().cast(), count: buffers.len() };
    // SAFETY: as above.
    unsafe { perform(op, deadline) }.map(count)
}

/// Receives a datagram, and says who has sent it.
pub(crate) fn recv_from(
    socket: &Handle,
    buffer: &mut [u8],
    peek: bool,
    deadline: Option<Instant>,
) -> io::Result<(usize, RawAddress)> {
    let mut sender = RawAddress::empty();
    let (fd, len) = (socket.target(), buffer.len());
    let op = Op::RecvFrom { fd, buffer: buffer.as_mut_ptr(), len, peek, address: &raw mut sender };
    // SAFETY: socket and buffer are borrowed for the call, and the address is in this frame.
    let received = unsafe { perform(op, deadline) }?;
    Ok((count(received), sender))
}

/// Sends a datagram: to nobody in particular is to whom the socket is connected with.
pub(crate) fn send_to(
    socket: &Handle,
    buffer: &[u8],
    receiver: Option<&RawAddress>,
    deadline: Option<Instant>,
) -> io::Result<usize> {
    let (fd, len) = (socket.target(), buffer.len());
    let address = receiver.map_or(ptr::null(), ptr::from_ref);
    let op = Op::SendTo { fd, buffer: buffer.as_ptr(), len, address };
    // SAFETY: socket, buffer and address are borrowed for the call.
    unsafe { perform(op, deadline) }.map(count)
}

/// Sends a part of a file. `Unsupported` where the system has no such call that doesn't block.
pub(crate) fn send_file(
    socket: &Handle,
    file: &Handle,
    offset: u64,
    len: usize,
    deadline: Option<Instant>,
) -> io::Result<usize> {
    let op = Op::SendFile { fd: socket.target(), file: file.target().fd(), offset, len };
    // SAFETY: socket and file are borrowed for the call.
    unsafe { perform(op, deadline) }.map(count)
}

/// Takes a connection; the descriptor is close-on-exec.
pub(crate) fn accept(listener: &Handle, deadline: Option<Instant>) -> io::Result<(Descriptor, RawAddress)> {
    let mut address = RawAddress::empty();
    let op = Op::Accept { fd: listener.target(), address: &raw mut address };
    // SAFETY: the listener is borrowed for the call, and the address is in this frame.
    let fd = unsafe { perform(op, deadline) }?;
    Ok((owned(fd), address))
}

pub(crate) fn connect(socket: &Handle, address: &RawAddress, deadline: Option<Instant>) -> io::Result<()> {
    let op = Op::Connect { fd: socket.target(), address };
    // SAFETY: socket and address are borrowed for the call.
    unsafe { perform(op, deadline) }.map(drop)
}

pub(crate) fn read(file: &Handle, buffer: &mut [u8], offset: Offset) -> io::Result<usize> {
    let op = Op::Read { fd: file.target(), buffer: buffer.as_mut_ptr(), len: buffer.len(), offset };
    // SAFETY: file and buffer are borrowed for the call.
    unsafe { perform(op, None) }.map(count)
}

pub(crate) fn write(file: &Handle, buffer: &[u8], offset: Offset) -> io::Result<usize> {
    let op = Op::Write { fd: file.target(), buffer: buffer.as_ptr(), len: buffer.len(), offset };
    // SAFETY: file and buffer are borrowed for the call.
    unsafe { perform(op, None) }.map(count)
}

/// Appends what is read to `buffer`, at most as much as it has room for.
pub(crate) fn read_to_spare(file: &Handle, buffer: &mut Vec<u8>, offset: Offset) -> io::Result<usize> {
    let spare = buffer.spare_capacity_mut();
    let op = Op::Read { fd: file.target(), buffer: spare.as_mut_ptr().cast(), len: spare.len(), offset };
    // SAFETY: file and buffer are borrowed for the call; the kernel only writes to the memory.
    let read = unsafe { perform(op, None) }.map(count)?;
    // SAFETY: the kernel has initialised so many bytes after the first `len`, within the capacity.
    unsafe { buffer.set_len(buffer.len() + read) };
    Ok(read)
}

pub(crate) fn read_vectored(
    file: &Handle,
    buffers: &mut [IoSliceMut<'_>],
    offset: Offset,
) -> io::Result<usize> {
    let op = Op::ReadVectored {
        fd: file.target(),
        slices: buffers.as_mut_ptr().cast(),
        count: buffers.len(),
        offset,
    };
    // SAFETY: file and buffers are borrowed for the call, and std's slices have the kernel's layout.
    unsafe { perform(op, None) }.map(count)
}

pub(crate) fn write_vectored(file: &Handle, buffers: &[IoSlice<'_>], offset: Offset) -> io::Result<usize> {
    let op = Op::WriteVectored {
        fd: file.target(),
        slices: buffers.as_ptr().cast(),
        count: buffers.len(),
        offset,
    };
    // SAFETY: as above.
    unsafe { perform(op, None) }.map(count)
}

pub(crate) fn sync(file: &Handle, data_only: bool) -> io::Result<()> {
    // SAFETY: the file is borrowed for the call.
    unsafe { perform(Op::Sync { fd: file.target(), data_only }, None) }.map(drop)
}

/// Opens a file; the descriptor is close-on-exec.
pub(crate) fn open(path: &SystemPath, flags: OpenFlags, mode: u32) -> io::Result<Descriptor> {
    // SAFETY: the path is borrowed for the call.
    unsafe { perform(Op::Open { path: path.as_ptr(), flags, mode }, None) }.map(owned)
}

/// Closes a descriptor, and returns what the file system has to say: it may be the first to tell of a failed write.
pub(crate) fn close(handle: Handle) -> io::Result<()> {
    let fd = handle.target().fd();
    // Its owner goes without closing it.
    mem::forget(handle.into_fd());
    // SAFETY: nobody else has the descriptor.
    unsafe { perform(Op::Close { fd }, None) }.map(drop)
}

/// The status of the file at `path`, or of an open file.
#[allow(dead_code, reason = "on Windows std is asked")]
pub(crate) fn status(what: StatusOf<'_>, flags: i32, mask: u32) -> io::Result<RawStatx> {
    let mut out = MaybeUninit::<RawStatx>::zeroed();
    let (fd, path) = match what {
        StatusOf::Path(path) => (None, path.as_ptr()),
        StatusOf::File(file) => (Some(file.target().fd()), std::ptr::null()),
    };
    // SAFETY: what is looked at is borrowed for the call, and `out` is in this frame.
    unsafe { perform(Op::Statx { fd, path, flags, mask, out: out.as_mut_ptr() }, None) }?;
    // SAFETY: it was zeroed, which is a value, and the kernel has filled it.
    Ok(unsafe { out.assume_init() })
}

/// Whose status is asked for.
#[allow(dead_code, reason = "on Windows std is asked")]
pub(crate) enum StatusOf<'a> {
    Path(&'a SystemPath),
    File(&'a Handle),
}

/// The kernel's count as a size: it is never above 2 GiB.
pub(super) fn count(result: u32) -> usize {
    result as usize
}

/// The descriptor that an operation has made.
pub(super) fn owned(result: u32) -> Descriptor {
    // SAFETY: accept and open return descriptors; nobody else knows the new one.
    unsafe { fibra_driver::descriptor(result) }
}
