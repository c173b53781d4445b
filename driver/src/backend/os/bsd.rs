//! The own calls of macOS and FreeBSD.

use std::io;
pub(crate) use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net;
use std::time::Duration;

use super::super::attempt::Manner;
use super::super::system_calls::{Mode, count_of, slice_of, socket_option};
use crate::op::{Offset, Op};

/// A slice of memory as the kernel sees it, with the layout of [`std::io::IoSlice`] and [`std::io::IoSliceMut`].
///
/// ```
/// use std::io::IoSlice;
/// let slices = [IoSlice::new(b"one"), IoSlice::new(b"two")];
/// let raw: *const fibra_driver::RawSlice = slices.as_ptr().cast();
/// // SAFETY: std guarantees the layout of `IoSlice`, and the array lives.
/// assert_eq!(unsafe { (*raw).iov_len }, 3);
/// ```
pub type RawSlice = libc::iovec;

/// What [`Op::Statx`] writes: the kernel's `struct stat`.
///
/// ```
/// // SAFETY: it is plain data, for which all zeros is a value.
/// let status: fibra_driver::RawStatx = unsafe { std::mem::zeroed() };
/// assert_eq!(status.st_size, 0);
/// ```
pub type RawStatx = libc::stat;

/// Reads and writes have no flag against waiting, and macOS waits in a send whatever its flag says.
pub(crate) const MANNER: Manner = Manner::Modes;

/// What an event says, beside poll(2)'s own bits, when the peer sends no more. FreeBSD's `POLLRDHUP`; macOS' poll(2) has
/// nothing for it, and leaves the bit free.
pub(crate) const PEER_CLOSED: u32 = 0x4000;

/// For a send: a broken pipe is an error that the caller sees, not a signal that ends the process.
pub(crate) const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;

/// What the record of an operation keeps for the backend.
pub(crate) type Attachment = ();

/// Has a socket never raise a signal: older systems of Apple's don't know the flag of a send.
pub(crate) fn silence(fd: RawFd) {
    #[cfg(target_os = "macos")]
    {
        let on: i32 = 1;
        let size = size_of::<i32>() as libc::socklen_t;
        // SAFETY: the value is valid for its size. What is no socket refuses, and raises no signal by a send.
        unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_NOSIGPIPE, (&raw const on).cast(), size) };
    }
    #[cfg(target_os = "freebsd")]
    let _ = fd;
}

/// The name of a Unix socket's address that is in no file system: there are none here.
pub(crate) fn abstract_name(_: &net::SocketAddr) -> Option<&[u8]> {
    None
}

/// The address of this name: there is none here.
pub(crate) fn from_abstract_name(_: &[u8]) -> Option<net::SocketAddr> {
    None
}

/// Takes a connection. The new descriptor is close-on-exec and in blocking mode.
///
/// # Safety
///
/// The pointers are valid for the call, or null.
#[cfg(target_os = "freebsd")]
pub(crate) unsafe fn accept(fd: RawFd, address: *mut libc::sockaddr, size: *mut libc::socklen_t) -> i32 {
    // SAFETY: by contract.
    unsafe { libc::accept4(fd, address, size, libc::SOCK_CLOEXEC) }
}

/// Takes a connection. The new descriptor is close-on-exec and in blocking mode, whatever the listening socket's mode is,
/// which it comes with.
///
/// # Safety
///
/// The pointers are valid for the call, or null.
#[cfg(target_os = "macos")]
pub(crate) unsafe fn accept(fd: RawFd, address: *mut libc::sockaddr, size: *mut libc::socklen_t) -> i32 {
    // SAFETY: by contract; the rest takes no pointers. The descriptor is new and open, so that setting its flags does not
    // fail.
    unsafe {
        let accepted = libc::accept(fd, address, size);
        if accepted >= 0 {
            libc::fcntl(accepted, libc::F_SETFD, libc::FD_CLOEXEC);
            libc::fcntl(accepted, libc::F_SETFL, 0);
        }
        accepted
    }
}

/// Reads and writes. Whether the call waits is up to the descriptor's mode.
///
/// # Safety
///
/// What `op` points to is valid for the call.
pub(crate) unsafe fn transfer(op: &Op, _: Mode) -> isize {
    // SAFETY: by contract; the lengths are what the caller says, or shorter.
    unsafe {
        match *op {
            Op::Read { fd, buffer, len, offset } => read(fd.fd(), &slice_of(buffer, len), 1, offset),
            Op::ReadVectored { fd, slices, count, offset } => read(fd.fd(), slices, count_of(count), offset),
            Op::Write { fd, buffer, len, offset } => {
                write(fd.fd(), &slice_of(buffer.cast_mut(), len), 1, offset)
            }
            Op::WriteVectored { fd, slices, count, offset } => {
                write(fd.fd(), slices, count_of(count), offset)
            }
            _ => unreachable!("not a transfer: {}", op.name()),
        }
    }
}

/// # Safety
///
/// The slices are valid for the call.
unsafe fn read(fd: RawFd, slices: *const RawSlice, count: i32, offset: Offset) -> isize {
    // SAFETY: by contract.
    unsafe {
        match offset.position() {
            Some(position) => libc::preadv(fd, slices, count, position as libc::off_t),
            None => libc::readv(fd, slices, count),
        }
    }
}

/// # Safety
///
/// The slices are valid for the call.
unsafe fn write(fd: RawFd, slices: *const RawSlice, count: i32, offset: Offset) -> isize {
    // SAFETY: by contract.
    unsafe {
        match offset.position() {
            Some(position) => libc::pwritev(fd, slices, count, position as libc::off_t),
            None => libc::writev(fd, slices, count),
        }
    }
}

/// There is no read that is told not to wait for the disk.
///
/// # Safety
///
/// None: it touches nothing.
pub(crate) unsafe fn read_without_waiting(_: RawFd, _: *mut u8, _: usize, _: u64) -> io::Result<usize> {
    Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP))
}

/// Waits until the data has reached the storage, and, unless `data_only`, all that is known of the file.
#[cfg(target_os = "freebsd")]
pub(crate) fn sync(fd: RawFd, data_only: bool) -> i32 {
    // SAFETY: takes no pointers.
    unsafe { if data_only { libc::fdatasync(fd) } else { libc::fsync(fd) } }
}

/// Waits until the data has reached the storage. `fsync` gets it as far as the drive's own memory; file systems that know
/// nothing better answer `ENOTSUP` or `EINVAL`.
#[cfg(target_os = "macos")]
pub(crate) fn sync(fd: RawFd, _data_only: bool) -> i32 {
    // SAFETY: takes no pointers.
    let result = unsafe { libc::fcntl(fd, libc::F_FULLFSYNC) };
    let error = io::Error::last_os_error().raw_os_error();
    if result < 0 && matches!(error, Some(libc::ENOTSUP | libc::EINVAL | libc::ENOTTY)) {
        // SAFETY: as above.
        return unsafe { libc::fsync(fd) };
    }
    result.min(0)
}

/// Reads a file's status, all of it: there is no mask.
///
/// # Safety
///
/// What `op` points to is valid for the call.
pub(crate) unsafe fn status(op: &Op) -> i32 {
    let Op::Statx { fd, path, flags, mask: _, out } = *op else {
        unreachable!("not a status: {}", op.name())
    };
    let directory = fd.unwrap_or(libc::AT_FDCWD);
    // SAFETY: by contract; a path that is not null is terminated.
    unsafe {
        if path.is_null() || fd.is_some() && *path == 0 {
            libc::fstat(directory, out)
        } else {
            libc::fstatat(directory, path, out, flags)
        }
    }
}

/// Waits at most `pause` (`None`: for ever) for the one descriptor, to the millisecond, but not shorter.
pub(crate) fn poll_one(entry: &mut libc::pollfd, pause: Option<Duration>) -> i32 {
    let milliseconds = |pause: Duration| pause.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as i32;
    // SAFETY: the one entry is valid for the call.
    unsafe { libc::poll(entry, 1, pause.map_or(-1, milliseconds)) }
}

/// Whether it is a socket of TCP: other protocols don't know this option.
pub(crate) fn is_tcp(fd: RawFd) -> bool {
    let mut no_delay = -1i32;
    socket_option(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, &mut no_delay);
    no_delay != -1
}

/// Whether the descriptor was opened to be read and written without the page cache. macOS doesn't tell. Nobody here tries
/// reads and writes of files, so that it makes no difference.
pub(crate) fn is_direct(_: RawFd) -> bool {
    false
}
