//! Signals.

use std::io;

use fibra::signal::{Signal, Signals};

pub fn signals() -> io::Result<Signals> {
    Signals::new([Signal::HANGUP, Signal::INTERRUPT, Signal::TERMINATE])
}

pub fn is_hangup(signal: Signal) -> bool {
    signal == Signal::HANGUP
}
