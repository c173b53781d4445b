//! How much the system buffers of what it can't send yet.

use std::io;

use fibra::net::TcpStream;
use socket2::SockRef;

/// The most. It would take megabytes, and a client that reads nothing would keep them; and whether a slow one still reads
/// would show in steps as large.
const UNSENT: u32 = 128 * 1024;

pub fn limit(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_tcp_notsent_lowat(UNSENT)
}
