//! fibra under hyper: its streams, its tasks and its clock (feature `hyper`).
//!
//! [`TcpStream`](crate::net::TcpStream), and on Unix `net::unix::UnixStream`, implements [`hyper::rt::Read`] and [`hyper::rt::Write`], [`Executor`] spawns what
//! HTTP/2 needs spawned, and [`Timer`] keeps hyper's timeouts.
//!
//! hyper lends its buffers for one poll at a time, and the kernel must not have them longer. So a stream's read is a system
//! call that doesn't wait, and, if there was nothing to read, an operation that waits for readiness. Around a stream,
//! [`ReadAhead`] has an operation that receives instead, which is quicker.
//!
//! The other way round, [`Foreign::hyper`](crate::io::Foreign::hyper) makes a stream that has hyper's traits, as an upgraded
//! connection, one for plain code.
//!
//! ```
//! use fibra::net::{TcpListener, TcpStream};
//! use hyper::{Request, Response, server::conn::http1, service::service_fn};
//! use std::{convert::Infallible, io::{Read, Write}};
//!
//! fibra::run(|| -> std::io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let mut client = TcpStream::connect(listener.local_addr()?)?;
//!     let (stream, _) = listener.accept()?;
//!     let greet = service_fn(async |_: Request<_>| Ok::<_, Infallible>(Response::new(String::from("hello"))));
//!     let server = http1::Builder::new().timer(fibra::hyper::Timer).serve_connection(stream, greet);
//!     let server = fibra::future::spawn(server);
//!
//!     client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
//!     let mut response = String::new();
//!     client.read_to_string(&mut response)?;
//!     assert!(response.starts_with("HTTP/1.1 200 OK") && response.ends_with("hello"));
//!     fibra::wait(server).unwrap().map_err(std::io::Error::other)
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```

pub(crate) mod stream;
mod timer;

pub use crate::net::read_ahead::ReadAhead;
pub use timer::{Sleep, Timer};

/// Spawns hyper's futures as [`future::spawn`](crate::future::spawn) does: onto the runtime that it is used in.
///
/// ```
/// use hyper::rt::Executor as _;
/// fibra::run(|| {
///     let (sender, receiver) = fibra::sync::oneshot::channel();
///     fibra::hyper::Executor.execute(async { sender.send("done").unwrap() });
///     assert_eq!(receiver.recv(), Ok("done"));
/// });
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Executor;

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        drop(crate::future::spawn(future));
    }
}
