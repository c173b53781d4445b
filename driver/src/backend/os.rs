//! What a system provides: the one table.
//!
//! | | [Linux](linux) | [macOS, FreeBSD](bsd) |
//! | --- | --- | --- |
//! | a read or write of a stream that doesn't wait | `preadv2`, told so | the descriptor's mode |
//! | … of a file | from the page cache, told so | none: the pool does it |
//! | accept | `accept4` | `accept4`; on macOS `accept` and `fcntl` |
//! | a broken pipe is no signal | `MSG_NOSIGNAL` | that, and on macOS `SO_NOSIGPIPE` |
//! | a file's status | `statx` | `fstatat`, `fstat` |
//! | data on the storage | `fdatasync`, `fsync` | `fdatasync`, `fsync`; on macOS `F_FULLFSYNC` |
//! | to wait for one descriptor | `ppoll` | `poll` |
//! | backends | `io_uring`, `epoll` | `kqueue` |
//!
//! Windows has other calls altogether: there the backend makes them itself, and this table has its names, layouts and
//! descriptors.
//!
//! Another system is one more file with the same names, and one more line below. What is the same for all of Unix is
//! in [`system_calls`](super::system_calls).

#[cfg(any(target_os = "macos", target_os = "freebsd"))]
mod bsd;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(any(target_os = "macos", target_os = "freebsd"))]
pub use bsd::*;
#[cfg(target_os = "linux")]
pub use linux::*;
#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;
