//! What the promises need of any Unix.

#![allow(dead_code, unused_imports, unused_macros, reason = "each file of tests uses its own part")]

use std::fs::File;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
pub use std::os::unix::net::UnixStream as Stream;
use std::path::Path;

use fibra_driver::{Descriptor, Handle};

pub const CANCELED: i32 = libc::ECANCELED;
pub const REFUSED: i32 = libc::ECONNREFUSED;
pub const RESET: i32 = libc::ECONNRESET;
pub const WOULD_BLOCK: i32 = libc::EAGAIN;
pub const DONT_WAIT: i32 = libc::MSG_DONTWAIT;
pub const PEEK: i32 = libc::MSG_PEEK;

pub fn stream_pair() -> (Stream, Stream) {
    Stream::pair().expect("a socket pair can be made")
}

pub fn tcp_socket() -> Descriptor {
    // SAFETY: no pointers; the descriptor is new.
    unsafe { OwnedFd::from_raw_fd(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0)) }
}

/// An empty file, for reading and writing.
pub fn new_file(path: &Path) -> Handle {
    let file = File::options().read(true).write(true).create(true).truncate(true).open(path);
    Handle::new(file.expect("a file in the temporary directory").into())
}

pub fn flags(fd: &impl AsRawFd, command: i32) -> i32 {
    // SAFETY: no pointers.
    unsafe { libc::fcntl(fd.as_raw_fd(), command) }
}

pub fn assert_not_inherited(fd: &Descriptor) {
    assert_ne!(flags(fd, libc::F_GETFD) & libc::FD_CLOEXEC, 0);
}

pub fn assert_blocking(fd: &impl AsRawFd) {
    assert_eq!(flags(fd, libc::F_GETFL) & libc::O_NONBLOCK, 0);
}

/// Has the stream's close be a reset.
pub fn have_reset(stream: &TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: the option's value is valid for its size.
    let result = unsafe {
        let (size, value) = (size_of::<libc::linger>() as libc::socklen_t, (&raw const linger).cast());
        libc::setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, value, size)
    };
    assert_eq!(result, 0);
}
