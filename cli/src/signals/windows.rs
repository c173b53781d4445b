//! What the console says. Nothing there asks for the certificate to be read again: that takes a new start.

use std::io;
use std::process;
use std::sync::Arc;

use crate::shutdown::Shutdown;
use crate::tls::Tls;

/// What a program ends with that Ctrl+C has ended: `STATUS_CONTROL_C_EXIT`.
const ENDED_BY_CONSOLE: i32 = 0xC000_013A_u32 as i32;

/// Follows the console from now on. The system calls from a thread of its own, which works even when the runtime doesn't.
///
/// # Errors
///
/// Somebody else follows it already.
pub fn follow(shutdown: Shutdown, _tls: Option<Arc<Tls>>) -> io::Result<()> {
    let end = move || {
        if shutdown.has_begun() {
            process::exit(ENDED_BY_CONSOLE);
        }
        shutdown.begin();
    };
    ctrlc::try_set_handler(end).map_err(io::Error::other)
}
