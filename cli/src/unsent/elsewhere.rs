//! How much the system buffers of what it can't send yet: as it likes. A client that reads nothing keeps more memory here, and
//! a slow one seems to read in larger steps.

use std::io;

use fibra::net::TcpStream;

pub fn limit(_: &TcpStream) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
