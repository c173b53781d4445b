//! Paths as the system takes them, ended by zero.

#[cfg(unix)]
#[path = "path/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "path/windows.rs"]
mod system;

pub(crate) use system::SystemPath;

use std::io;

/// As std refuses it.
fn nul() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "file name contained an unexpected NUL byte")
}
