//! Signals.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::shutdown::Shutdown;
use crate::tls::Tls;

/// Follows the signals from now on. The waiting is done by a thread of its own, which works even when the runtime doesn't.
///
/// # Errors
///
/// The handlers can't be installed, or the thread can't be started.
pub fn follow(shutdown: Shutdown, tls: Option<Arc<Tls>>) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let at_terminal = is_at_terminal();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGHUP if at_terminal && !is_at_terminal() => shutdown.begin(),
                SIGHUP => reload(tls.as_deref()),
                _ => end(&shutdown, signal),
            }
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

fn end(shutdown: &Shutdown, signal: i32) {
    if shutdown.has_begun()
        && let Err(error) = emulate_default_handler(signal)
    {
        eprintln!("fibra: signal {signal} can't end the process: {error}");
    }
    shutdown.begin();
}
