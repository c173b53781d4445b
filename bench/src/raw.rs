//! The limits: TCP servers on the kernel's interfaces alone, for any [`Protocol`].

pub mod epoll;
pub mod io_uring;

use std::io;
use std::net::SocketAddr;

/// So many connections go to the same loop before another loop gets some: one loop answers them all sooner than two that
/// share their cores with who asks.
const DEALT_TOGETHER: usize = 128;

/// What a raw server is told.
#[derive(Clone, Copy)]
pub struct Setting {
    /// Where to listen.
    pub address: SocketAddr,
    /// How many threads serve the connections.
    pub workers: usize,
    /// The size of a buffer for what comes in and goes out, in bytes.
    pub buffer: usize,
}

/// How a server answers. Each thread has a value of its own.
pub trait Protocol: Default + 'static {
    /// What is kept of a connection between two answers.
    type Kept: Default;

    /// Answers the `received` bytes at the beginning of `buffer`, overwriting them; returns the answer's length, which
    /// is 0 where a request has not come whole.
    ///
    /// # Errors
    ///
    /// What no request can look like; the connection is closed then.
    fn answer(&mut self, kept: &mut Self::Kept, buffer: &mut [u8], received: usize) -> io::Result<usize>;
}
