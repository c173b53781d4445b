//! Operations as system calls, each made once: what is the same for all of Unix. What is not, is in [`os`].

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::Shutdown;
use std::ptr;
use std::time::Duration;

use super::os::{self, RawFd, RawSlice};
use crate::address::RawAddress;
use crate::handle::Target;
use crate::op::{Interest, Op};

/// What the kernel transfers at most in one call. More is cut by it anyway, or wraps where a length has 32 bits.
pub(crate) const MAX_BYTES: usize = 0x7fff_f000;
/// How many slices the kernel takes in one call. More is an error there, so they are cut here.
pub(crate) const MAX_SLICES: usize = 1024;

/// Flags of a send: a broken pipe is an error that the caller sees, not a signal that ends the process.
pub(crate) const fn no_signal(flags: i32) -> i32 {
    flags | os::NO_SIGNAL
}

/// A handle's socket never raises signals, since the handle was made; of a foreign one that has to be asked for.
fn silence(target: Target) {
    if target.is_foreign() {
        os::silence(target.fd());
    }
}

/// Whether a call may wait in the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Blocking,
    /// As far as the call has a flag for it; accept and connect need the descriptor to be in non-blocking mode.
    NonBlocking,
}

/// Makes the operation's system call, once. `EINTR` and `EAGAIN` come out as they are.
///
/// # Safety
///
/// What `op` points to is valid for the call.
pub(crate) unsafe fn call(op: &Op, mode: Mode) -> io::Result<u32> {
    // SAFETY: the pointers are valid by contract; the lengths are what the caller says, or shorter. A descriptor that is
    // not open is an error.
    let result = unsafe {
        match *op {
            Op::Accept { fd, address } => {
                let (address, size) = RawAddress::parts(address);
                os::accept(fd.fd(), address, size) as isize
            }
            Op::Connect { fd, address } => {
                libc::connect(fd.fd(), address.cast(), (*address).length()) as isize
            }
            Op::Recv { fd, buffer, len, flags } => {
                libc::recv(fd.fd(), buffer.cast(), len.min(MAX_BYTES), flags | dont_wait(mode))
            }
            Op::RecvShared { fd, bytes } => receive(fd.fd(), &mut *bytes, mode),
            Op::Send { fd, buffer, len, flags } => {
                silence(fd);
                let flags = no_signal(flags) | dont_wait(mode);
                libc::send(fd.fd(), buffer.cast(), len.min(MAX_BYTES), flags)
            }
            Op::RecvVectored { fd, slices, count } => {
                let mut message = message(slices, count);
                libc::recvmsg(fd.fd(), &raw mut message, dont_wait(mode))
            }
            Op::SendVectored { fd, slices, count } => {
                silence(fd);
                let message = message(slices.cast_mut(), count);
                libc::sendmsg(fd.fd(), &raw const message, no_signal(0) | dont_wait(mode))
            }
            Op::RecvFrom { fd, buffer, len, peek, address } => {
                let (address, size) = RawAddress::parts(address);
                let (len, flags) = (len.min(MAX_BYTES), peek_flag(peek) | dont_wait(mode));
                libc::recvfrom(fd.fd(), buffer.cast(), len, flags, address, size)
            }
            Op::SendTo { fd, buffer, len, address } => {
                silence(fd);
                let flags = no_signal(0) | dont_wait(mode);
                let (name, size) = RawAddress::named(address);
                libc::sendto(fd.fd(), buffer.cast(), len.min(MAX_BYTES), flags, name, size)
            }
            Op::Read { .. } | Op::Write { .. } | Op::ReadVectored { .. } | Op::WriteVectored { .. } => {
                os::transfer(op, mode)
            }
            Op::Poll { fd, interest } => {
                return poll(fd.fd(), interest, (mode == Mode::NonBlocking).then_some(Duration::ZERO));
            }
            Op::Timeout { .. } => return Ok(0),
            // The first would block on the disk or, by the pool, for as long as its peer likes; pipes have no such names.
            Op::SendFile { .. } | Op::AcceptPipe { .. } => return Err(io::ErrorKind::Unsupported.into()),
            _ => call_on_file(op) as isize,
        }
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as u32) }
}

/// Receives into memory that is only there for the call, and appends what came.
fn receive(fd: RawFd, bytes: &mut Vec<u8>, mode: Mode) -> isize {
    let mut memory = [const { MaybeUninit::<u8>::uninit() }; Op::MOST_SHARED];
    // SAFETY: the memory is valid for its length during the call.
    let received = unsafe { libc::recv(fd, memory.as_mut_ptr().cast(), memory.len(), dont_wait(mode)) };
    if let Ok(count @ 1..) = usize::try_from(received) {
        // SAFETY: the kernel has initialised so many bytes from the beginning.
        bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(memory.as_ptr().cast(), count) });
    }
    received
}

pub(crate) fn peek_flag(peek: bool) -> i32 {
    if peek { libc::MSG_PEEK } else { 0 }
}

fn dont_wait(mode: Mode) -> i32 {
    if mode == Mode::NonBlocking { libc::MSG_DONTWAIT } else { 0 }
}

pub(super) fn message(slices: *mut RawSlice, count: usize) -> libc::msghdr {
    // SAFETY: plain data, for which all zeros is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = slices;
    message.msg_iovlen = count.min(MAX_SLICES) as _;
    message
}

/// One slice, not longer than the kernel transfers.
pub(crate) fn slice_of(buffer: *mut u8, len: usize) -> RawSlice {
    RawSlice { iov_base: buffer.cast(), iov_len: len.min(MAX_BYTES) }
}

/// As many slices as the kernel takes.
pub(super) fn count_of(count: usize) -> i32 {
    count.min(MAX_SLICES) as i32
}

/// What has nothing to wait for but a disk.
///
/// # Safety
///
/// What `op` points to is valid for the call.
unsafe fn call_on_file(op: &Op) -> i32 {
    // SAFETY: as for `call`.
    unsafe {
        match *op {
            Op::Sync { fd, data_only } => os::sync(fd.fd(), data_only),
            Op::Open { path, flags, mode } => libc::open(path, flags | libc::O_CLOEXEC, mode),
            Op::Close { fd } => libc::close(fd),
            Op::Statx { .. } => os::status(op),
            Op::Shutdown { fd, how } => libc::shutdown(fd.fd(), shutdown_how(how)),
            _ => unreachable!("not a file's operation: {}", op.name()),
        }
    }
}

pub(crate) fn shutdown_how(how: Shutdown) -> i32 {
    match how {
        Shutdown::Read => libc::SHUT_RD,
        Shutdown::Write => libc::SHUT_WR,
        Shutdown::Both => libc::SHUT_RDWR,
    }
}

/// Waits at most `pause` (`None`: for ever) for a descriptor. `EAGAIN` if it is not ready.
pub(crate) fn poll(fd: RawFd, interest: Interest, pause: Option<Duration>) -> io::Result<u32> {
    // poll(2) ignores negative numbers, and would wait for ever.
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    let mut entry = libc::pollfd { fd, events: interest.bits() as i16, revents: 0 };
    match os::poll_one(&mut entry, pause) {
        ..0 => Err(io::Error::last_os_error()),
        0 => Err(io::Error::from_raw_os_error(libc::EAGAIN)),
        _ if entry.revents & libc::POLLNVAL != 0 => Err(io::Error::from_raw_os_error(libc::EBADF)),
        _ => Ok(entry.revents as u16 as u32),
    }
}

pub(crate) fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec { tv_sec: duration.as_secs() as _, tv_nsec: duration.subsec_nanos() as _ }
}

/// Whether closing the socket waits until the peer has everything, or for a time.
pub(crate) fn lingers(fd: RawFd) -> bool {
    let mut linger = libc::linger { l_onoff: 0, l_linger: 0 };
    socket_option(fd, libc::SOL_SOCKET, libc::SO_LINGER, &mut linger);
    linger.l_onoff != 0 && linger.l_linger != 0
}

/// Reads an option of a socket. What is no socket leaves `value` as it is.
pub(super) fn socket_option<T: Copy>(fd: RawFd, level: i32, name: i32, value: &mut T) {
    let mut size = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: the buffer is valid for its size; the options asked for here are plain integers or structures of them.
    unsafe { libc::getsockopt(fd, level, name, ptr::from_mut(value).cast(), &raw mut size) };
}

/// Switches the mode. Returns whether it was another before.
pub(crate) fn set_nonblocking(fd: RawFd, nonblocking: bool) -> io::Result<bool> {
    // SAFETY: takes no pointers.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    if (flags & libc::O_NONBLOCK != 0) == nonblocking {
        return Ok(false);
    }
    // SAFETY: takes no pointers.
    if unsafe { libc::fcntl(fd, libc::F_SETFL, flags ^ libc::O_NONBLOCK) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(true)
}
