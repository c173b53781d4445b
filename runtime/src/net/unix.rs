//! Unix sockets, with the API of [`std::os::unix::net`].
//!
//! They connect the processes of one machine: through a path in the file system, on Linux also through a name outside of it,
//! or as a pair that has none. All that the parent module says of waiting, cancellation and the differences from std holds
//! here too.
//!
//! What a process passes with a message, descriptors and credentials, goes through the descriptor of a socket, for example by
//! `rustix::net::sendmsg`.
//!
//! ```
//! use fibra::{net::unix::{UnixListener, UnixStream}, thread};
//! use std::io::{Read, Write};
//! fibra::run(|| -> std::io::Result<()> {
//!     let path = std::env::temp_dir().join(format!("fibra-doc-{}", std::process::id()));
//!     let listener = UnixListener::bind(&path)?;
//!     let server = thread::spawn(move || listener.accept()?.0.write_all(b"hello"));
//!     let mut greeting = String::new();
//!     UnixStream::connect(&path)?.read_to_string(&mut greeting)?;
//!     assert_eq!(greeting, "hello");
//!     std::fs::remove_file(&path)?;
//!     server.join().unwrap()
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod datagram;
mod listener;
mod stream;

use super::socket::Socket;
use crate::io::owned::HasHandle;
use fibra_driver::RawAddress;
use std::{io, os::fd::AsFd};

pub use datagram::UnixDatagram;
pub use listener::{Incoming, UnixListener};
pub use std::os::unix::net::SocketAddr;
pub use stream::UnixStream;

fn local_addr(socket: &Socket) -> io::Result<SocketAddr> {
    RawAddress::of_socket(socket.handle().as_fd())?.to_unix_addr()
}

fn peer_addr(socket: &Socket) -> io::Result<SocketAddr> {
    RawAddress::of_peer(socket.handle().as_fd())?.to_unix_addr()
}
