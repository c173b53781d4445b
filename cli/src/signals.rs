//! SIGINT and SIGTERM: the first one begins the shutdown, the second one ends the process at once.

use std::io;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::shutdown::Shutdown;

/// Begins `shutdown` at the first signal. The waiting is done by a thread of its own, which works even when the
/// runtime doesn't.
///
/// # Errors
///
/// The handlers can't be installed, or the thread can't be started.
pub fn begin_shutdown_on_signal(shutdown: Shutdown) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if shutdown.has_begun()
                && let Err(error) = emulate_default_handler(signal)
            {
                eprintln!("fibra: signal {signal} can't end the process: {error}");
            }
            shutdown.begin();
        }
    })?;
    Ok(())
}
