//! What the system tells the server to do.
//!
//! | Unix | Windows | |
//! | --- | --- | --- |
//! | `SIGINT`, `SIGTERM` | Ctrl+C, Ctrl+Break, the window is closed, … | The first one begins the shutdown; during a shutdown, one ends the process at once. |
//! | `SIGHUP` | | The certificate is read again. If the terminal is gone that the server was started from, its user is gone as well, and the shutdown begins. It never ends the process at once: a terminal that goes says so more than once (the kernel does, and the shell). |

#[cfg(unix)]
#[path = "signals/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "signals/windows.rs"]
mod system;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::thread;

use fibra::signal::Signal;

use crate::shutdown::Shutdown;
use crate::tls::Tls;

/// Follows the signals from now on. The waiting is done by a thread of its own, which works even when the runtime doesn't.
///
/// # Errors
///
/// The handlers can't be installed, or the thread can't be started.
pub fn follow(shutdown: Shutdown, tls: Option<Arc<Tls>>) -> io::Result<()> {
    let signals = system::signals()?;
    let at_terminal = is_at_terminal();
    let follow = move || -> io::Result<()> {
        loop {
            let signal = signals.recv()?;
            match system::is_hangup(signal) {
                true if at_terminal && !is_at_terminal() => shutdown.begin(),
                true => reload(tls.as_deref()),
                false => end(&shutdown, signal)?,
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Err(error) = follow() {
            eprintln!("fibra: signals are not heard of any more: {error}");
        }
    })?;
    Ok(())
}

/// Whether there is a user who watches. No stream leads to a terminal that is gone.
fn is_at_terminal() -> bool {
    io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
}

fn reload(tls: Option<&Tls>) {
    match tls.map(Tls::reload) {
        Some(Ok(done)) => eprintln!("fibra: {done}"),
        Some(Err(error)) => eprintln!("fibra: the certificate in use stays: {error}"),
        None => (),
    }
}

fn end(shutdown: &Shutdown, signal: Signal) -> io::Result<()> {
    if shutdown.has_begun() {
        signal.default_action()?;
    }
    shutdown.begin();
    Ok(())
}
