//! A listening socket, and the connections that were taken from it for accepts that had been given up.
//!
//! A future may be dropped after the kernel has taken a connection for it. Such a connection is put back into a channel beside
//! the socket. An accept waits for both, the channel and the kernel, so one that waits already is woken for it.

use super::socket::Socket;
use crate::{
    io::{
        borrowed,
        owned::{self, Connection, HasHandle, Listens},
    },
    scheduler::worker::Worker,
    sync::channel::{Receiver, Sender, unbounded},
    wait::wait_for_io,
};
use fibra_driver::Handle;
use std::{
    borrow::Borrow,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Poll, ready},
};

/// See the module.
pub(super) struct Listening {
    socket: Socket,
    returns: Sender<Connection>,
    returned: Receiver<Connection>,
}

impl Listening {
    pub(super) fn new(socket: Socket) -> Self {
        let (returns, returned) = unbounded();
        Self { socket, returns, returned }
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Takes the next connection, in direct style.
    pub(super) fn accept(this: &Arc<Self>) -> io::Result<Connection> {
        if let Ok(connection) = this.returned.try_recv() {
            return Ok(connection);
        }
        match Worker::here() {
            Some(worker) if !this.socket.is_nonblocking() => {
                worker.home().current().check_cancelled()?;
                let mut accepting = pin!(Self::accept_async(Arc::clone(this)));
                wait_for_io(|context| accepting.as_mut().poll(context))
            }
            // No wait, or one that nothing but the kernel can end.
            _ => this.socket.wait(None, borrowed::accept),
        }
    }

    /// Takes the next connection. Dropping the future loses none.
    pub(super) async fn accept_async(this: Arc<Self>) -> io::Result<Connection> {
        let mut returned = pin!(this.returned.recv_async());
        let mut accepting = owned::accept(Arc::clone(&this));
        poll_fn(|context| {
            // In this order: it is woken for whatever is put back after the kernel was asked.
            if let Poll::Ready(Ok(connection)) = returned.as_mut().poll(context) {
                return Poll::Ready(Ok(connection));
            }
            Poll::Ready(owned::accepted(ready!(Pin::new(&mut accepting).poll(context))))
        })
        .await
    }
}

impl HasHandle for Listening {
    fn handle(&self) -> &Handle {
        self.socket.handle()
    }
}

impl Listens for Listening {
    fn put_back(&self, connection: Connection) {
        // It has a receiver for as long as it is there. The channel wakes one accept that waits.
        let _ = self.returns.send(connection);
    }
}

impl Borrow<Socket> for Listening {
    fn borrow(&self) -> &Socket {
        &self.socket
    }
}

/// What was put back is closed: who has the socket alone won't hear of it.
impl From<Listening> for Socket {
    fn from(listening: Listening) -> Self {
        listening.socket
    }
}
