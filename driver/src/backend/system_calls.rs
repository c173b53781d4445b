//! Operations as system calls, each made once.

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::Shutdown;
use std::os::fd::RawFd;
use std::ptr;
use std::time::Duration;

use crate::address::RawAddress;
use crate::op::{Interest, Op};

/// What the kernel transfers at most in one call. More is cut by it anyway, or wraps where a length has 32 bits.
pub(crate) const MAX_BYTES: usize = 0x7fff_f000;
/// How many slices the kernel takes in one call. More is an error there, so they are cut here.
pub(crate) const MAX_SLICES: usize = 1024;

/// Flags of a send: a broken pipe is an error that the caller sees, not a signal that ends the process.
pub(crate) const fn no_signal(flags: i32) -> i32 {
    flags | libc::MSG_NOSIGNAL
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
                libc::accept4(fd.fd(), address, size, libc::SOCK_CLOEXEC) as isize
            }
            Op::Connect { fd, address } => {
                libc::connect(fd.fd(), address.cast(), (*address).length()) as isize
            }
            Op::Recv { fd, buffer, len, flags } => {
                libc::recv(fd.fd(), buffer.cast(), len.min(MAX_BYTES), flags | dont_wait(mode))
            }
            Op::RecvShared { fd, bytes } => receive(fd.fd(), &mut *bytes, mode),
            Op::Send { fd, buffer, len, flags } => {
                let flags = no_signal(flags) | dont_wait(mode);
                libc::send(fd.fd(), buffer.cast(), len.min(MAX_BYTES), flags)
            }
            Op::RecvVectored { fd, slices, count } => {
                let mut message = message(slices, count);
                libc::recvmsg(fd.fd(), &raw mut message, dont_wait(mode))
            }
            Op::SendVectored { fd, slices, count } => {
                let message = message(slices.cast_mut(), count);
                libc::sendmsg(fd.fd(), &raw const message, no_signal(0) | dont_wait(mode))
            }
            Op::Read { .. } | Op::Write { .. } | Op::ReadVectored { .. } | Op::WriteVectored { .. } => {
                transfer(op, mode)
            }
            Op::Poll { fd, interest } => {
                return poll(fd.fd(), interest, (mode == Mode::NonBlocking).then_some(Duration::ZERO));
            }
            Op::Timeout { .. } => return Ok(0),
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

fn dont_wait(mode: Mode) -> i32 {
    if mode == Mode::NonBlocking { libc::MSG_DONTWAIT } else { 0 }
}

fn message(slices: *mut libc::iovec, count: usize) -> libc::msghdr {
    // SAFETY: plain data, for which all zeros is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = slices;
    message.msg_iovlen = count.min(MAX_SLICES) as _;
    message
}

/// Reads and writes.
///
/// # Safety
///
/// What `op` points to is valid for the call.
unsafe fn transfer(op: &Op, mode: Mode) -> isize {
    let flags = if mode == Mode::NonBlocking { libc::RWF_NOWAIT } else { 0 };
    let one =
        |buffer: *mut u8, len: usize| libc::iovec { iov_base: buffer.cast(), iov_len: len.min(MAX_BYTES) };
    let count_of = |count: usize| count.min(MAX_SLICES) as i32;
    // SAFETY: as for `call`.
    unsafe {
        match *op {
            Op::Read { fd, buffer, len, offset } => {
                libc::preadv2(fd.fd(), &one(buffer, len), 1, offset.word() as libc::off_t, flags)
            }
            Op::ReadVectored { fd, slices, count, offset } => {
                libc::preadv2(fd.fd(), slices, count_of(count), offset.word() as libc::off_t, flags)
            }
            Op::Write { fd, buffer, len, offset } => {
                libc::pwritev2(fd.fd(), &one(buffer.cast_mut(), len), 1, offset.word() as libc::off_t, flags)
            }
            Op::WriteVectored { fd, slices, count, offset } => {
                libc::pwritev2(fd.fd(), slices, count_of(count), offset.word() as libc::off_t, flags)
            }
            _ => unreachable!("not a transfer: {}", op.name()),
        }
    }
}

/// Reads what is in the page cache at this offset. −1: the error is the thread's.
///
/// # Safety
///
/// The buffer is valid for the call.
#[inline]
pub(crate) unsafe fn read_without_waiting(fd: RawFd, buffer: *mut u8, len: usize, offset: u64) -> isize {
    let slice = libc::iovec { iov_base: buffer.cast(), iov_len: len };
    // The offset in two halves, of which a kernel with words of 64 bits takes the first for the whole.
    let (low, high) = (offset as usize, (offset >> 32) as usize);
    // Not by the C library's function, which is a point where threads can be cancelled: two locked instructions.
    // SAFETY: one slice, of a valid buffer.
    unsafe {
        libc::syscall(libc::SYS_preadv2, fd, &raw const slice, 1usize, low, high, libc::RWF_NOWAIT) as isize
    }
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
            Op::Sync { fd, data_only: true } => libc::fdatasync(fd.fd()),
            Op::Sync { fd, data_only: false } => libc::fsync(fd.fd()),
            Op::Open { path, flags, mode } => libc::open(path, flags | libc::O_CLOEXEC, mode),
            Op::Close { fd } => libc::close(fd),
            Op::Statx { fd, path, flags, mask, out } => {
                let directory = fd.unwrap_or(libc::AT_FDCWD);
                let (path, flags) =
                    if path.is_null() { (c"".as_ptr(), flags | libc::AT_EMPTY_PATH) } else { (path, flags) };
                libc::statx(directory, path, flags, mask, out)
            }
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
    let time = pause.map(timespec);
    let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: one entry and the time, if there is one, are valid for the call; there is no signal mask.
    match unsafe { libc::ppoll(&raw mut entry, 1, time, ptr::null()) } {
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
    socket_option(fd, libc::SO_LINGER, &mut linger);
    linger.l_onoff != 0 && linger.l_linger != 0
}

/// Whether it is a socket of TCP.
pub(crate) fn is_tcp(fd: RawFd) -> bool {
    let (mut protocol, mut kind) = (0, 0);
    socket_option(fd, libc::SO_PROTOCOL, &mut protocol);
    if protocol == libc::IPPROTO_TCP {
        // Families number their protocols as they like; but no other stream has this number.
        socket_option(fd, libc::SO_TYPE, &mut kind);
    }
    kind == libc::SOCK_STREAM
}

/// Reads an option of a socket. What is no socket leaves `value` as it is.
fn socket_option<T: Copy>(fd: RawFd, name: i32, value: &mut T) {
    let mut size = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: the buffer is valid for its size; the options asked for here are plain integers or structures of them.
    unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, name, ptr::from_mut(value).cast(), &raw mut size) };
}

/// Whether the descriptor was opened with `O_DIRECT`.
pub(crate) fn is_direct(fd: RawFd) -> bool {
    // SAFETY: takes no pointers. What is not open has no flags.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    flags >= 0 && flags & libc::O_DIRECT != 0
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
