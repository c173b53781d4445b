//! Operations as plain data: what is to be done, to which descriptor, with which memory.
//!
//! An [`Op`] does nothing by itself. A backend interprets it: as a submission entry of a ring, as a system call that is
//! tried again once the descriptor is ready, or as a blocking call on a thread of the pool. The same value also runs on
//! a plain thread, by [`Op::perform_blocking`](crate::Op::perform_blocking). So each operation is written once, and the
//! backends cannot drift apart in what they accept.

use std::net::Shutdown;
use std::ptr;
use std::time::Instant;

use crate::address::RawAddress;
use crate::backend::os::{self, OpenFlags, PathUnit, RawFd, RawSlice, RawStatx};
use crate::handle::Target;

mod interest;
mod offset;

pub use interest::Interest;
pub use offset::Offset;

/// One operation. Plain data: whoever submits it answers for the pointers.
///
/// What a result counts is said at each variant; `0` where nothing is. Lengths beyond what the kernel takes at once
/// (2 GiB − 4 KiB; 1,024 slices) are cut, which looks like any other short transfer.
///
/// ```
/// use fibra_driver::{Op, Target};
/// let mut buffer = [0u8; 16];
/// let op = Op::Recv { fd: Target::foreign(0), buffer: buffer.as_mut_ptr(), len: buffer.len(), flags: 0 };
/// assert_eq!(op.name(), "recv");
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Op {
    /// Takes a connection from a listening socket. The result is the new descriptor, close-on-exec and in blocking
    /// mode; whoever receives the result owns it.
    Accept {
        /// The listening socket.
        fd: Target,
        /// Where the peer's address is written; may be null.
        address: *mut RawAddress,
    },
    /// Connects a socket.
    Connect {
        /// The socket.
        fd: Target,
        /// The peer.
        address: *const RawAddress,
    },
    /// Receives from a socket. The result is the number of bytes; 0 at the end of the stream.
    Recv {
        /// The socket.
        fd: Target,
        /// Where the bytes go.
        buffer: *mut u8,
        /// The size of the buffer in bytes.
        len: usize,
        /// Flags of `recv(2)`. With `MSG_DONTWAIT`, the operation ends with `EAGAIN` instead of waiting.
        flags: i32,
    },
    /// Receives what a socket has, and appends it to a vector: at most [`MOST_SHARED`](Op::MOST_SHARED) bytes. The result
    /// is their number; 0 at the end of the stream.
    ///
    /// The vector grows when the bytes have come: until then the operation has no memory for them, so that ten thousand
    /// may wait at no one's expense. It is meant for those who expect to wait: what has come passes through memory of the
    /// driver's first.
    RecvShared {
        /// The socket.
        fd: Target,
        /// What the bytes are appended to.
        bytes: *mut Vec<u8>,
    },
    /// Sends to a socket. The result is the number of bytes taken. A broken pipe is an error, never a signal.
    Send {
        /// The socket.
        fd: Target,
        /// The bytes.
        buffer: *const u8,
        /// Their number.
        len: usize,
        /// Flags of `send(2)`. With `MSG_DONTWAIT`, the operation ends with `EAGAIN` instead of waiting.
        flags: i32,
    },
    /// [`Recv`](Op::Recv) into several buffers in turn.
    RecvVectored {
        /// The socket.
        fd: Target,
        /// The buffers.
        slices: *mut RawSlice,
        /// Their number.
        count: usize,
    },
    /// [`Send`](Op::Send) from several buffers in turn.
    SendVectored {
        /// The socket.
        fd: Target,
        /// The buffers.
        slices: *const RawSlice,
        /// Their number.
        count: usize,
    },
    /// Receives a datagram, and who has sent it. The result is the number of bytes; what the buffer has no room for is lost.
    RecvFrom {
        /// The socket.
        fd: Target,
        /// Where the bytes go.
        buffer: *mut u8,
        /// The size of the buffer in bytes.
        len: usize,
        /// Whether the datagram stays, for the next receive.
        peek: bool,
        /// Where the sender's address is written.
        address: *mut RawAddress,
    },
    /// Sends a datagram, to an address or to whom the socket is connected with. The result is the number of bytes.
    ///
    /// For Unix sockets that is the way to send, also to whom they are connected with: a ring that has waited for room sends an
    /// empty datagram for a [`Send`](Op::Send), since the kernel has taken the bytes already when it sees that there is none.
    SendTo {
        /// The socket.
        fd: Target,
        /// The bytes.
        buffer: *const u8,
        /// Their number.
        len: usize,
        /// The receiver; null for whom the socket is connected with.
        address: *const RawAddress,
    },
    /// Sends part of a file to a socket, without memory of the caller's. The result is the number of bytes; 0 at the end of the
    /// file. [`Unsupported`](std::io::ErrorKind::Unsupported) where the system has no such call that doesn't block: who gets
    /// that reads and sends.
    SendFile {
        /// The socket.
        fd: Target,
        /// The file, which stays open until the operation has ended.
        file: RawFd,
        /// Where in the file to start, in bytes.
        offset: u64,
        /// How many bytes at most.
        len: usize,
    },
    /// Waits until a client opens this end of a named pipe of Windows'.
    /// [`Unsupported`](std::io::ErrorKind::Unsupported) elsewhere.
    AcceptPipe {
        /// The server's end.
        fd: Target,
    },
    /// Reads from a file or a stream. The result is the number of bytes; 0 at the end.
    Read {
        /// The file.
        fd: Target,
        /// Where the bytes go.
        buffer: *mut u8,
        /// The size of the buffer in bytes.
        len: usize,
        /// Where to start.
        offset: Offset,
    },
    /// Writes to a file or a stream. The result is the number of bytes taken.
    Write {
        /// The file.
        fd: Target,
        /// The bytes.
        buffer: *const u8,
        /// Their number.
        len: usize,
        /// Where to start.
        offset: Offset,
    },
    /// [`Read`](Op::Read) into several buffers in turn.
    ReadVectored {
        /// The file.
        fd: Target,
        /// The buffers.
        slices: *mut RawSlice,
        /// Their number.
        count: usize,
        /// Where to start.
        offset: Offset,
    },
    /// [`Write`](Op::Write) from several buffers in turn.
    WriteVectored {
        /// The file.
        fd: Target,
        /// The buffers.
        slices: *const RawSlice,
        /// Their number.
        count: usize,
        /// Where to start.
        offset: Offset,
    },
    /// Waits until the file's data has reached the storage.
    Sync {
        /// The file.
        fd: Target,
        /// Leave out metadata that is not needed to read the data back (`fdatasync`).
        data_only: bool,
    },
    /// Opens a file. The result is the new descriptor, close-on-exec; whoever receives the result owns it.
    Open {
        /// The path, NUL-terminated; relative to the current directory.
        path: *const PathUnit,
        /// Flags of `open(2)`; on Windows what `CreateFileW` takes.
        flags: OpenFlags,
        /// The mode of a file that gets created; on Windows its attributes.
        mode: u32,
    },
    /// Closes a descriptor. It must not be in use by another operation, nor belong to a [`Handle`](crate::Handle):
    /// take it [out of it](crate::Handle::into_fd) first.
    Close {
        /// The descriptor.
        fd: RawFd,
    },
    /// Reads a file's status.
    Statx {
        /// The directory from which a relative `path` starts, or, with an empty or null `path`, the file itself. `None`
        /// is the current directory.
        fd: Option<RawFd>,
        /// The path, NUL-terminated; null means the file `fd` itself.
        path: *const PathUnit,
        /// `AT_*` flags of `statx(2)`; on Windows of `CreateFileW`.
        flags: i32,
        /// `STATX_*` bits of what is wanted.
        mask: u32,
        /// Where the status is written.
        out: *mut RawStatx,
    },
    /// Shuts down one or both directions of a connection.
    Shutdown {
        /// The socket.
        fd: Target,
        /// Which directions.
        how: Shutdown,
    },
    /// Waits until a descriptor is ready. The result is the `poll(2)` bits it is ready for. Any descriptor will do, also
    /// one that fibra does not own; a regular file is always ready.
    Poll {
        /// The descriptor.
        fd: Target,
        /// What to wait for.
        interest: Interest,
    },
    /// Ends at the deadline or after it, never before.
    Timeout {
        /// When.
        deadline: Instant,
    },
}

impl Op {
    /// How many bytes a [`RecvShared`](Op::RecvShared) receives at most.
    ///
    /// ```
    /// assert!(fibra_driver::Op::MOST_SHARED >= 1024);
    /// ```
    pub const MOST_SHARED: usize = 2048;

    /// The name of the operation, for messages.
    ///
    /// ```
    /// assert_eq!(fibra_driver::Op::Close { fd: 7 }.name(), "close");
    /// ```
    pub const fn name(&self) -> &'static str {
        match self {
            Op::Accept { .. } => "accept",
            Op::Connect { .. } => "connect",
            Op::Recv { .. } => "recv",
            Op::RecvShared { .. } => "recv_shared",
            Op::Send { .. } => "send",
            Op::RecvVectored { .. } => "recv_vectored",
            Op::SendVectored { .. } => "send_vectored",
            Op::RecvFrom { .. } => "recv_from",
            Op::SendTo { .. } => "send_to",
            Op::SendFile { .. } => "send_file",
            Op::AcceptPipe { .. } => "accept_pipe",
            Op::Read { .. } => "read",
            Op::Write { .. } => "write",
            Op::ReadVectored { .. } => "read_vectored",
            Op::WriteVectored { .. } => "write_vectored",
            Op::Sync { .. } => "sync",
            Op::Open { .. } => "open",
            Op::Close { .. } => "close",
            Op::Statx { .. } => "statx",
            Op::Shutdown { .. } => "shutdown",
            Op::Poll { .. } => "poll",
            Op::Timeout { .. } => "timeout",
        }
    }

    /// The descriptor that the operation waits on, if it is one that can be waited on.
    pub(crate) const fn target(&self) -> Option<Target> {
        match *self {
            Op::Accept { fd, .. }
            | Op::Connect { fd, .. }
            | Op::Recv { fd, .. }
            | Op::RecvShared { fd, .. }
            | Op::Send { fd, .. }
            | Op::RecvVectored { fd, .. }
            | Op::SendVectored { fd, .. }
            | Op::RecvFrom { fd, .. }
            | Op::SendTo { fd, .. }
            | Op::SendFile { fd, .. }
            | Op::AcceptPipe { fd }
            | Op::Read { fd, .. }
            | Op::Write { fd, .. }
            | Op::ReadVectored { fd, .. }
            | Op::WriteVectored { fd, .. }
            | Op::Sync { fd, .. }
            | Op::Shutdown { fd, .. }
            | Op::Poll { fd, .. } => Some(fd),
            Op::Open { .. } | Op::Close { .. } | Op::Statx { .. } | Op::Timeout { .. } => None,
        }
    }

    /// What the descriptor has to be ready for before the operation can go on.
    pub(crate) const fn interest(&self) -> Interest {
        match *self {
            Op::Connect { .. }
            | Op::Send { .. }
            | Op::SendVectored { .. }
            | Op::SendTo { .. }
            | Op::SendFile { .. }
            | Op::Write { .. }
            | Op::WriteVectored { .. } => Interest::WRITABLE,
            Op::Poll { interest, .. } => interest,
            _ => Interest::READABLE,
        }
    }

    /// Whether a success of the operation is a new descriptor.
    pub(crate) const fn yields_descriptor(&self) -> bool {
        matches!(self, Op::Accept { .. } | Op::Open { .. })
    }

    /// Where the kernel writes a peer's address, if it does.
    pub(crate) const fn peer(&self) -> *mut RawAddress {
        match *self {
            Op::Accept { address, .. } | Op::RecvFrom { address, .. } => address,
            _ => ptr::null_mut(),
        }
    }

    /// Whether the caller asked for `EAGAIN` rather than to wait.
    pub(crate) const fn refuses_to_wait(&self) -> bool {
        match *self {
            Op::Recv { flags, .. } | Op::Send { flags, .. } => flags & os::DONT_WAIT != 0,
            _ => false,
        }
    }
}
