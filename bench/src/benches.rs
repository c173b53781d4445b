//! The benches, one file each. A new one is a file with a `BENCH` and a line here.

mod channel;
mod channel_load;
mod channel_request;
mod concurrent;
mod echo;
mod file;
mod frame;
mod http;
mod memory;
mod mixed;
mod mutex;
mod parking;
mod registry;
mod scale;
mod spawn;
mod steal;
mod switch;
mod timers;
mod timers_due;
mod yield_now;

use std::io;

use crate::bench::Bench;

/// Every bench, in the order of the report.
pub const ALL: &[Bench] = &[
    switch::BENCH,
    spawn::BENCH,
    registry::BENCH,
    yield_now::BENCH,
    channel::BENCH,
    channel_load::BENCH,
    channel_request::BENCH,
    concurrent::BENCH,
    mutex::BENCH,
    timers::BENCH,
    timers_due::BENCH,
    memory::BENCH,
    echo::BENCH,
    http::BENCH,
    file::BENCH,
    frame::BENCH,
    steal::BENCH,
    mixed::BENCH,
    scale::BENCH,
    parking::WAKES,
    parking::BODIES,
];

/// The bench called `name`.
///
/// # Errors
///
/// When there is none: the error lists those that there are.
pub fn find(name: &str) -> io::Result<&'static Bench> {
    ALL.iter().find(|bench| bench.name == name).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|bench| bench.name).collect();
        io::Error::other(format!("there is no bench `{name}`; there are {} and all", known.join(", ")))
    })
}
