//! Child processes, with the API of [`std::process`].
//!
//! ```
//! use fibra::process::Command;
//! # #[cfg(unix)]
//! fibra::run(|| -> std::io::Result<()> {
//!     let output = Command::new("echo").arg("hello").output()?;
//!     assert_eq!((output.status.success(), &output.stdout[..]), (true, &b"hello\n"[..]));
//!     Ok(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A child is started by std, in the call, which takes as long as the system needs to load the program: a millisecond or so.
//! Waiting for it, and for its pipes, holds up nobody: green threads, futures and OS threads may do it, and a cancel or a
//! deadline ends the wait, not the child.
//!
//! On Linux its end is told by a descriptor of the process (`pidfd`), on macOS and FreeBSD by a `kqueue` of its own, on Windows by
//! the system's pool. Where there is none to be had (Linux before 5.3, no descriptor is left) it is looked at again and again,
//! after 1 to 32 ms. No handler for `SIGCHLD` is installed, and nothing else of the process changes.
//!
//! # Children that nobody waits for
//!
//! Dropping a [`Child`] lets it go on, as with std. Within a runtime it is then waited for in the background, so that it leaves
//! no zombie. [`Command::kill_on_drop`] has it killed instead.

mod child;
mod command;
mod ending;
mod pipes;

pub use child::Child;
pub use command::Command;
pub use pipes::{ChildStderr, ChildStdin, ChildStdout};
pub use std::process::{ExitCode, ExitStatus, Output, Stdio, Termination, abort, exit, id};
