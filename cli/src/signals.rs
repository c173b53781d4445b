//! What the system tells the server to do.
//!
//! | Unix | Windows | |
//! | --- | --- | --- |
//! | `SIGINT`, `SIGTERM` | Ctrl+C, Ctrl+Break, the window is closed | The first one begins the shutdown; during a shutdown, one ends the process at once. |
//! | `SIGHUP` | | The certificate is read again. If the terminal is gone that the server was started from, its user is gone as well, and the shutdown begins. It never ends the process at once: a terminal that goes says so more than once (the kernel does, and the shell). |

#[cfg(unix)]
#[path = "signals/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "signals/windows.rs"]
mod system;

pub use system::follow;
