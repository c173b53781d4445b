//! A listener's connections, for those who poll.

use super::{listener::accepted, socket::Socket, stream::TcpStream};
use crate::io::{
    OpFuture,
    owned::{self, Accept},
};
use futures_core::Stream;
use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// See [`TcpListener::incoming_async`](super::TcpListener::incoming_async).
#[must_use = "streams do nothing unless they are polled"]
pub struct IncomingAsync {
    listener: Arc<Socket>,
    accepting: OpFuture<Accept<Socket>>,
}

impl IncomingAsync {
    pub(super) fn new(listener: Arc<Socket>) -> Self {
        Self { accepting: owned::accept(Arc::clone(&listener)), listener }
    }
}

impl Stream for IncomingAsync {
    type Item = io::Result<(TcpStream, SocketAddr)>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let taken = owned::accepted(ready!(Pin::new(&mut self.accepting).poll(context)));
        // It begins with the next poll.
        self.accepting = owned::accept(Arc::clone(&self.listener));
        Poll::Ready(Some(taken.and_then(accepted)))
    }
}

impl fmt::Debug for IncomingAsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingAsync").field("fd", &self.listener.number()).finish_non_exhaustive()
    }
}
