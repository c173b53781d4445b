//! The server's life: listen, say so, serve, and end in an orderly way.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fibra::net::{TcpListener, TcpStream};

use crate::accept::accept_until_shutdown;
use crate::browser;
use crate::connection::Host;
use crate::connections::{Connections, Limit, Seat};
use crate::first::{First, first};

/// What to serve, and where.
pub struct Server {
    /// What the connections are given.
    pub host: Arc<Host>,
    /// As bind takes it: host and port.
    pub address: String,
    /// The open connections.
    pub connections: Connections,
    /// How many there may be at once.
    pub limit: Limit,
    /// How long the responses that are under way have to finish once the shutdown has begun.
    pub grace: Duration,
    /// Whether to show the site in a browser.
    pub open_browser: bool,
}

/// How it ended.
pub enum End {
    /// Every response was finished.
    Orderly,
    /// After the grace period this many connections were still open.
    CutOff(usize),
}

impl Server {
    /// Serves until the shutdown, in the green thread that calls it. `announce` makes the line that is printed when
    /// the server listens, from its URL.
    ///
    /// # Errors
    ///
    /// The address can't be bound.
    pub fn run(self, announce: impl FnOnce(&str) -> String) -> io::Result<End> {
        let listener = TcpListener::bind(self.address.as_str())?;
        let scheme = if self.host.tls.is_some() { "https" } else { "http" };
        let url = browser::url(scheme, listener.local_addr()?);
        writeln!(io::stdout(), "{}", announce(&url))?;
        if self.open_browser {
            browser::open(&url);
        }
        fibra::wait(accept_until_shutdown(
            &listener,
            &self.host.shutdown,
            &self.connections,
            self.limit,
            &self.host.counters,
            |stream, peer, seat| self.start(stream, peer, seat),
        ));
        // Closed first: who comes now shall be refused, not left waiting for a server that ends.
        drop(listener);
        Ok(fibra::wait(self.drain()))
    }

    /// Serves a connection in a task of its own. Nobody waits for that task: its seat tells when it is over.
    fn start(&self, stream: TcpStream, peer: SocketAddr, seat: Seat) {
        let host = Arc::clone(&self.host);
        drop(fibra::future::spawn(async move {
            host.serve(stream, peer).await;
            drop(seat);
        }));
    }

    /// Waits for the connections to end, but not for ever.
    async fn drain(&self) -> End {
        match first(self.connections.fewer_than(1), fibra::time::sleep(self.grace)).await {
            First::Left(()) => End::Orderly,
            First::Right(()) => End::CutOff(self.connections.open()),
        }
    }
}
