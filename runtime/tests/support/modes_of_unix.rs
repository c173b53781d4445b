//! The modes of sockets.

use std::net::TcpStream;

pub fn is_nonblocking(stream: &TcpStream) -> Option<bool> {
    Some(socket2::SockRef::from(stream).nonblocking().unwrap())
}
