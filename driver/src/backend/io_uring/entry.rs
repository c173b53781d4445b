//! Operations as submission entries.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;

use io_uring::squeue::Entry;
use io_uring::{opcode, types};

use super::shared;
use crate::address::RawAddress;
use crate::backend::os::Message;
use crate::backend::system_calls::{MAX_BYTES, MAX_SLICES, no_signal, peek_flag, shutdown_how, slice_of};
use crate::handle::Target;
use crate::op::Op;
use crate::slab::Record;

impl Record {
    /// Where the message for the kernel is; null for an operation without one.
    #[inline]
    pub(crate) fn message(&mut self) -> *mut Message {
        match self.op {
            Op::RecvVectored { .. } | Op::SendVectored { .. } | Op::RecvFrom { .. } | Op::SendTo { .. } => {
                self.make_message()
            }
            _ => ptr::null_mut(),
        }
    }

    #[cold]
    fn make_message(&mut self) -> *mut Message {
        let new = || Box::new(UnsafeCell::new(MaybeUninit::uninit()));
        self.attachment.get_or_insert_with(new).get().cast()
    }

    /// Takes over how long the sender's address is.
    ///
    /// # Safety
    ///
    /// The kernel has done with the operation's message, and the address is valid.
    #[cold]
    pub(super) unsafe fn take_peer_length(&mut self) {
        let message = self.message();
        // SAFETY: the message was filled when the operation was submitted; the address is valid by contract.
        unsafe { *RawAddress::parts::<u8>(self.op.peer()).1 = (*message).header.msg_namelen };
    }
}

/// The length as the kernel takes it: cut, not wrapped.
fn length(len: usize) -> u32 {
    len.min(MAX_BYTES) as u32
}

fn slices(count: usize) -> u32 {
    count.min(MAX_SLICES) as u32
}

fn fd(target: Target) -> types::Fd {
    types::Fd(target.fd())
}

/// What is fixed of an operation's file and buffer: their slots in the ring's tables.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub file: Option<u32>,
    pub memory: Option<u16>,
}

/// The entry that does `op`. Some operations on sockets are described by `message`, which this fills.
///
/// # Safety
///
/// `message` is valid for writes if the operation [has one](Record::message), and the entry is submitted only while it and
/// what `op` points to stay valid.
pub(super) unsafe fn build(op: &Op, message: *mut Message, place: Place) -> Entry {
    match *op {
        Op::Accept { fd: socket, address } => {
            // SAFETY: the address is valid or null by contract.
            let (address, size) = unsafe { RawAddress::parts(address) };
            opcode::Accept::new(fd(socket), address, size).flags(libc::SOCK_CLOEXEC).build()
        }
        Op::Connect { fd: socket, address } => {
            // SAFETY: the address is valid by contract.
            let size = unsafe { (*address).length() };
            opcode::Connect::new(fd(socket), address.cast(), size).build()
        }
        Op::Recv { fd: socket, buffer, len, flags } => {
            opcode::Recv::new(fd(socket), buffer, length(len)).flags(flags).build()
        }
        // SAFETY: the vector is valid by contract, and nobody else's until the operation has ended.
        Op::RecvShared { fd: socket, bytes } => unsafe { build_unshared(socket, bytes) },
        Op::Send { fd: socket, buffer, len, flags } => {
            opcode::Send::new(fd(socket), buffer, length(len)).flags(no_signal(flags)).build()
        }
        Op::RecvVectored { fd: socket, slices, count } => {
            // SAFETY: `message` is valid by contract.
            let header = unsafe { describe(message, slices, count) };
            opcode::RecvMsg::new(fd(socket), header).build()
        }
        Op::SendVectored { fd: socket, slices, count } => {
            // SAFETY: `message` is valid by contract.
            let header = unsafe { describe(message, slices.cast_mut(), count) };
            opcode::SendMsg::new(fd(socket), header).flags(no_signal(0) as u32).build()
        }
        Op::RecvFrom { fd: socket, buffer, len, peek, address } => {
            // SAFETY: `message` and the address are valid by contract.
            let header = unsafe { describe_datagram(message, buffer, len, address) };
            opcode::RecvMsg::new(fd(socket), header).flags(peek_flag(peek) as u32).build()
        }
        Op::SendTo { fd: socket, buffer, len, address } => {
            // SAFETY: as above; the kernel only reads.
            let header = unsafe { describe_datagram(message, buffer.cast_mut(), len, address) };
            // SAFETY: as above.
            let flags = if unsafe { is_to_internet(address) } { 0 } else { libc::MSG_DONTWAIT };
            opcode::SendMsg::new(fd(socket), header).flags(no_signal(flags) as u32).build()
        }
        _ => build_for_file(op, place),
    }
}

/// A receive into memory of the vector's own.
///
/// # Safety
///
/// The vector is valid, and nobody else's until the operation has ended.
#[cold]
unsafe fn build_unshared(socket: Target, bytes: *mut Vec<u8>) -> Entry {
    // SAFETY: by contract.
    let spare = unsafe { shared::spare(bytes) };
    opcode::Recv::new(fd(socket), spare.as_mut_ptr().cast(), length(spare.len())).build()
}

/// Fills a message's header with the slices and nothing else. Returns it.
///
/// # Safety
///
/// `message` is valid for writes.
unsafe fn describe(message: *mut Message, slices: *mut libc::iovec, count: usize) -> *mut libc::msghdr {
    // SAFETY: valid by contract; all zeros is a value.
    unsafe {
        let header = &raw mut (*message).header;
        header.write(std::mem::zeroed());
        (*header).msg_iov = slices;
        (*header).msg_iovlen = count.min(MAX_SLICES) as _;
        header
    }
}

/// Fills a message with one slice and an address.
///
/// # Safety
///
/// `message` is valid for writes, and the address for reads.
unsafe fn describe_datagram(
    message: *mut Message,
    buffer: *mut u8,
    len: usize,
    address: *const RawAddress,
) -> *mut libc::msghdr {
    // SAFETY: by contract. The slice stays where it is for as long as the header.
    unsafe {
        let slice = &raw mut (*message).slice;
        slice.write(slice_of(buffer, len));
        let header = describe(message, slice, 1);
        let (name, size) = RawAddress::named::<libc::c_void>(address);
        ((*header).msg_name, (*header).msg_namelen) = (name.cast_mut(), size);
        header
    }
}

/// Whether a datagram may wait for room in the kernel. Of those of Unix sockets it has taken the bytes by the time it sees that there
/// is no room; when it tries again, there are none left, and it sends an empty one. So it must not wait: the driver asks anew.
///
/// # Safety
///
/// `address` is valid for reads, or null.
unsafe fn is_to_internet(address: *const RawAddress) -> bool {
    // SAFETY: by contract.
    unsafe { address.as_ref() }.is_some_and(|address| !address.is_unix())
}

fn build_for_file(op: &Op, place: Place) -> Entry {
    match *op {
        Op::Read { fd: file, buffer, len, offset: at } => {
            let (at, len) = (at.word(), length(len));
            match (place.file.map(types::Fixed), place.memory) {
                (None, None) => opcode::Read::new(fd(file), buffer, len).offset(at).build(),
                (Some(file), None) => opcode::Read::new(file, buffer, len).offset(at).build(),
                (None, Some(memory)) => {
                    opcode::ReadFixed::new(fd(file), buffer, len, memory).offset(at).build()
                }
                (Some(file), Some(memory)) => {
                    opcode::ReadFixed::new(file, buffer, len, memory).offset(at).build()
                }
            }
        }
        Op::Write { fd: file, buffer, len, offset: at } => {
            let (at, len) = (at.word(), length(len));
            match (place.file.map(types::Fixed), place.memory) {
                (None, None) => opcode::Write::new(fd(file), buffer, len).offset(at).build(),
                (Some(file), None) => opcode::Write::new(file, buffer, len).offset(at).build(),
                (None, Some(memory)) => {
                    opcode::WriteFixed::new(fd(file), buffer, len, memory).offset(at).build()
                }
                (Some(file), Some(memory)) => {
                    opcode::WriteFixed::new(file, buffer, len, memory).offset(at).build()
                }
            }
        }
        Op::ReadVectored { fd: file, slices: parts, count, offset: at } => {
            opcode::Readv::new(fd(file), parts, slices(count)).offset(at.word()).build()
        }
        Op::WriteVectored { fd: file, slices: parts, count, offset: at } => {
            opcode::Writev::new(fd(file), parts, slices(count)).offset(at.word()).build()
        }
        Op::Sync { fd: file, data_only } => {
            let flags = if data_only { types::FsyncFlags::DATASYNC } else { types::FsyncFlags::empty() };
            opcode::Fsync::new(fd(file)).flags(flags).build()
        }
        Op::Open { path, flags, mode } => opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), path)
            .flags(flags | libc::O_CLOEXEC)
            .mode(mode as libc::mode_t)
            .build(),
        Op::Close { fd } => opcode::Close::new(types::Fd(fd)).build(),
        Op::Statx { fd, path, flags, mask, out } => {
            let directory = types::Fd(fd.unwrap_or(libc::AT_FDCWD));
            let (path, flags) =
                if path.is_null() { (c"".as_ptr(), flags | libc::AT_EMPTY_PATH) } else { (path, flags) };
            opcode::Statx::new(directory, path, out.cast()).flags(flags).mask(mask).build()
        }
        Op::Shutdown { fd: socket, how } => opcode::Shutdown::new(fd(socket), shutdown_how(how)).build(),
        Op::Poll { fd: any, interest } => opcode::PollAdd::new(fd(any), interest.bits()).build(),
        _ => unreachable!("an operation on a socket, or the timeout, is not a file's: {}", op.name()),
    }
}
