//! A listener's connections, for those who poll.

use super::{listener::accepted, listening::Listening, stream::TcpStream};
use crate::io::owned::Connection;
use futures_core::Stream;
use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// See [`TcpListener::incoming_async`](super::TcpListener::incoming_async).
#[must_use = "streams do nothing unless they are polled"]
pub struct IncomingAsync {
    listening: Arc<Listening>,
    accepting: Pin<Box<dyn Future<Output = io::Result<Connection>> + Send + Sync>>,
}

impl IncomingAsync {
    pub(super) fn new(listening: Arc<Listening>) -> Self {
        Self { accepting: Box::pin(Listening::accept_async(Arc::clone(&listening))), listening }
    }
}

impl Stream for IncomingAsync {
    type Item = io::Result<(TcpStream, SocketAddr)>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let taken = ready!(self.accepting.as_mut().poll(context));
        // It begins with the next poll.
        self.accepting = Box::pin(Listening::accept_async(Arc::clone(&self.listening)));
        Poll::Ready(Some(taken.and_then(accepted)))
    }
}

impl fmt::Debug for IncomingAsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingAsync").field("fd", &self.listening.socket().number()).finish_non_exhaustive()
    }
}
