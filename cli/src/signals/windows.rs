//! What the console says. Nothing there asks for the certificate to be read again: that takes a new start.

use std::io;

use fibra::signal::{Signal, Signals};

pub fn signals() -> io::Result<Signals> {
    Signals::termination()
}

pub fn is_hangup(_: Signal) -> bool {
    false
}
