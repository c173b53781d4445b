//! Linux's own calls.

use std::cell::UnsafeCell;
use std::io;
use std::mem::{MaybeUninit, size_of};
pub(crate) use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net;
use std::ptr;
use std::time::Duration;

use super::super::attempt::Manner;
use super::super::system_calls::{Mode, count_of, slice_of, socket_option, timespec};
use crate::op::Op;

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

/// What [`Op::Statx`] writes: the kernel's `struct statx`.
///
/// ```
/// // SAFETY: it is plain data, for which all zeros is a value.
/// let status: fibra_driver::RawStatx = unsafe { std::mem::zeroed() };
/// assert_eq!(status.stx_size, 0);
/// ```
pub type RawStatx = libc::statx;

/// Nearly every call has a flag against waiting.
pub(crate) const MANNER: Manner = Manner::Flags;

/// What an event says, beside poll(2)'s own bits, when the peer sends no more.
pub(crate) const PEER_CLOSED: u32 = libc::POLLRDHUP as u32;

/// For a send: a broken pipe is an error that the caller sees, not a signal that ends the process.
pub(crate) const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;

/// What the record of an operation keeps for the backend: what a vectored socket operation, or one with an address, points
/// to. The kernel reads and writes it. Few need one, and tens of thousands of records wait on idle connections.
pub(crate) type Attachment = Option<Box<UnsafeCell<MaybeUninit<Message>>>>;

pub(crate) struct Message {
    pub header: libc::msghdr,
    /// The only slice, where the operation has none.
    pub slice: libc::iovec,
}

/// Has a socket never raise a signal. Here each send says so by itself.
#[inline]
pub(crate) fn silence(_: RawFd) {}

/// The name of a Unix socket's address that is in no file system.
pub(crate) fn abstract_name(address: &net::SocketAddr) -> Option<&[u8]> {
    SocketAddrExt::as_abstract_name(address)
}

/// The address of this name, if there can be one.
pub(crate) fn from_abstract_name(name: &[u8]) -> Option<net::SocketAddr> {
    <net::SocketAddr as SocketAddrExt>::from_abstract_name(name).ok()
}

/// Takes a connection. The new descriptor is close-on-exec and in blocking mode.
///
/// # Safety
///
/// The pointers are valid for the call, or null.
pub(crate) unsafe fn accept(fd: RawFd, address: *mut libc::sockaddr, size: *mut libc::socklen_t) -> i32 {
    // SAFETY: by contract.
    unsafe { libc::accept4(fd, address, size, libc::SOCK_CLOEXEC) }
}

/// Reads and writes.
///
/// # Safety
///
/// What `op` points to is valid for the call.
pub(crate) unsafe fn transfer(op: &Op, mode: Mode) -> isize {
    let flags = if mode == Mode::NonBlocking { libc::RWF_NOWAIT } else { 0 };
    // SAFETY: by contract; the lengths are what the caller says, or shorter.
    unsafe {
        match *op {
            Op::Read { fd, buffer, len, offset } => {
                libc::preadv2(fd.fd(), &slice_of(buffer, len), 1, offset.word() as libc::off_t, flags)
            }
            Op::ReadVectored { fd, slices, count, offset } => {
                libc::preadv2(fd.fd(), slices, count_of(count), offset.word() as libc::off_t, flags)
            }
            Op::Write { fd, buffer, len, offset } => {
                let slice = slice_of(buffer.cast_mut(), len);
                libc::pwritev2(fd.fd(), &slice, 1, offset.word() as libc::off_t, flags)
            }
            Op::WriteVectored { fd, slices, count, offset } => {
                libc::pwritev2(fd.fd(), slices, count_of(count), offset.word() as libc::off_t, flags)
            }
            _ => unreachable!("not a transfer: {}", op.name()),
        }
    }
}

/// Reads what is in the page cache at this offset.
///
/// # Safety
///
/// The buffer is valid for the call.
#[inline]
pub(crate) unsafe fn read_without_waiting(
    fd: RawFd,
    buffer: *mut u8,
    len: usize,
    offset: u64,
) -> io::Result<usize> {
    let slice = libc::iovec { iov_base: buffer.cast(), iov_len: len };
    // The offset in two halves, of which a kernel with words of 64 bits takes the first for the whole.
    let (low, high) = (offset as usize, (offset >> 32) as usize);
    // Not by the C library's function, which is a point where threads can be cancelled: two locked instructions.
    // SAFETY: one slice, of a valid buffer.
    let count = unsafe {
        libc::syscall(libc::SYS_preadv2, fd, &raw const slice, 1usize, low, high, libc::RWF_NOWAIT)
    };
    if count < 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
}

/// Waits until the data has reached the storage, and, unless `data_only`, all that is known of the file.
pub(crate) fn sync(fd: RawFd, data_only: bool) -> i32 {
    // SAFETY: takes no pointers.
    unsafe { if data_only { libc::fdatasync(fd) } else { libc::fsync(fd) } }
}

/// Reads a file's status.
///
/// # Safety
///
/// What `op` points to is valid for the call.
pub(crate) unsafe fn status(op: &Op) -> i32 {
    let Op::Statx { fd, path, flags, mask, out } = *op else { unreachable!("not a status: {}", op.name()) };
    let (path, flags) =
        if path.is_null() { (c"".as_ptr(), flags | libc::AT_EMPTY_PATH) } else { (path, flags) };
    // SAFETY: by contract.
    unsafe { libc::statx(fd.unwrap_or(libc::AT_FDCWD), path, flags, mask, out) }
}

/// Waits at most `pause` (`None`: for ever) for the one descriptor.
pub(crate) fn poll_one(entry: &mut libc::pollfd, pause: Option<Duration>) -> i32 {
    let time = pause.map(timespec);
    let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: one entry and the time, if there is one, are valid for the call; there is no signal mask.
    unsafe { libc::ppoll(entry, 1, time, ptr::null()) }
}

/// Whether it is a socket of TCP.
pub(crate) fn is_tcp(fd: RawFd) -> bool {
    let (mut protocol, mut kind) = (0, 0);
    socket_option(fd, libc::SOL_SOCKET, libc::SO_PROTOCOL, &mut protocol);
    if protocol == libc::IPPROTO_TCP {
        // Families number their protocols as they like; but no other stream has this number.
        socket_option(fd, libc::SOL_SOCKET, libc::SO_TYPE, &mut kind);
    }
    kind == libc::SOCK_STREAM
}

/// Whether the descriptor was opened to be read and written without the page cache.
pub(crate) fn is_direct(fd: RawFd) -> bool {
    // SAFETY: takes no pointers. What is not open has no flags.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    flags >= 0 && flags & libc::O_DIRECT != 0
}

/// The descriptor that wakes a sleeping driver: an eventfd.
///
/// Nobody reads it. The backends watch it edge-triggered, so that each write is an event whatever the counter says, and
/// 2⁶⁴ − 2 wake-ups fit in.
pub(crate) struct Eventfd(OwnedFd);

impl Eventfd {
    pub(crate) fn new() -> io::Result<Eventfd> {
        // SAFETY: `eventfd` takes no pointers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new, and nobody else's.
        Ok(Eventfd(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Wakes whoever watches.
    pub(crate) fn signal(&self) {
        let one = 1u64;
        // SAFETY: the buffer is valid for its eight bytes. The one way this can fail is a full counter (EAGAIN), and then
        // 2⁶⁴ − 2 events have been delivered before: the watcher is long awake.
        unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), size_of::<u64>()) };
    }
}

#[cfg(feature = "fake-kqueue")]
impl Eventfd {
    /// Closes the descriptor of one that is leaked. Nobody uses it afterwards.
    pub(crate) fn close(&self) {
        // SAFETY: by what is said above, this is the owner's close, and the only one.
        unsafe { libc::close(self.0.as_raw_fd()) };
    }
}

impl AsRawFd for Eventfd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
