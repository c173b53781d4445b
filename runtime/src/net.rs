//! TCP and UDP, with the API of [`std::net`]; on Unix also its sockets (`unix`), on Windows named pipes (`named_pipe`).
//!
//! | call | who waits |
//! | --- | --- |
//! | `stream.read(&mut buffer)` | the green thread, or the stack of a future's `poll`; on any other OS thread, that thread |
//! | `stream.read_async(buffer).await` | the future; the operation owns the buffer, and gives it back |
//!
//! What is not about waiting (options, addresses, `shutdown`) exists once. Names are resolved off the workers.
//!
//! # Cancellation
//!
//! Each operation that waits is a cancellation point: in a cancelled green thread it fails with an error that wraps
//! [`Cancelled`](crate::cancel::Cancelled). What had been received by then is delivered all the same, and a
//! connection that had been taken goes to the next accept. An `_async` operation is cancelled by dropping its future; each
//! says what is lost with it.
//!
//! # Differences from std
//!
//! * A read or write that took longer than the stream's timeout fails with [`TimedOut`](std::io::ErrorKind::TimedOut),
//!   on all platforms, where std on Unix says `WouldBlock`.
//! * [`TcpStream::try_clone`] costs no descriptor: clones share one.
//! * Conversion *to* std's types needs the descriptor for itself; see [`TcpStream::into_std`].
//! * [`ToSocketAddrs`] is a trait of its own, implemented for the same types, that resolves names off the workers.

mod addresses;
mod direct;
#[cfg(feature = "stream")]
mod incoming;
mod listener;
mod listening;
#[cfg(windows)]
pub mod named_pipe;
#[cfg(feature = "_polled")]
mod poll;
#[cfg(feature = "hyper")]
pub(crate) mod read_ahead;
mod resolve;
mod socket;
mod stream;
mod udp;
#[cfg(unix)]
pub mod unix;

pub use addresses::ToSocketAddrs;
#[cfg(feature = "stream")]
pub use incoming::IncomingAsync;
pub use listener::{Incoming, IntoIncoming, TcpListener};
pub use std::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
};
pub use stream::TcpStream;
pub use udp::UdpSocket;
