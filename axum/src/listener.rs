//! Where connections come from, and how a router serves one.

use axum::{Router, routing::MethodRouter};
use fibra::{
    hyper::ReadAhead,
    net::{SocketAddr, TcpListener},
};
use hyper::rt::{Read, Write};
use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    io,
    task::{Context, Poll},
};
use tower::Service;

/// What [`serve`](crate::serve) takes connections from: a [`TcpListener`], or, for TLS for example, one of your own.
///
/// ```
/// use fibra::{io::{Foreign, Tokio}, net::{SocketAddr, TcpListener, TcpStream}};
///
/// /// Connections of which every byte goes through a buffer of tokio's.
/// struct Buffered(TcpListener);
///
/// impl fibra_axum::Listener for Buffered {
///     type Io = Foreign<tokio::io::BufStream<TcpStream>, Tokio>;
///
///     async fn accept(&mut self) -> std::io::Result<(Self::Io, SocketAddr)> {
///         let (stream, peer) = self.0.accept_async().await?;
///         Ok((Foreign::tokio(tokio::io::BufStream::new(stream)), peer))
///     }
/// }
/// ```
pub trait Listener: Send + 'static {
    /// A connection.
    type Io: Read + Write + Unpin + Send + 'static;

    /// The next connection, and whose it is.
    ///
    /// Nobody else is accepted meanwhile: what takes time, like a handshake, belongs into the connection's first read.
    ///
    /// # Errors
    ///
    /// The system's. The server goes on after it, for example when there are descriptors again.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, SocketAddr)>> + Send;
}

impl Listener for TcpListener {
    type Io = ReadAhead;

    async fn accept(&mut self) -> io::Result<(ReadAhead, SocketAddr)> {
        let (stream, peer) = self.accept_async().await?;
        // Small answers are not to wait for the client's acknowledgement of the one before. Where it can't be set, all is well
        // but slower.
        let _ = stream.set_nodelay(true);
        Ok((ReadAhead::new(stream), peer))
    }
}

/// A connection that was accepted, as the service that is made for it gets to know it.
#[derive(Debug, Clone, Copy)]
pub struct IncomingStream {
    remote_addr: SocketAddr,
}

impl IncomingStream {
    pub(crate) fn new(remote_addr: SocketAddr) -> Self {
        Self { remote_addr }
    }

    /// The address of the client.
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote_addr
    }
}

impl Service<IncomingStream> for Router {
    type Response = Router;
    type Error = Infallible;
    type Future = Ready<Result<Router, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: IncomingStream) -> Self::Future {
        ready(Ok(self.clone().with_state(())))
    }
}

impl Service<IncomingStream> for MethodRouter {
    type Response = MethodRouter;
    type Error = Infallible;
    type Future = Ready<Result<MethodRouter, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: IncomingStream) -> Self::Future {
        ready(Ok(self.clone()))
    }
}
