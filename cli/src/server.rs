//! The server's life: listen, say so, serve, and end in an orderly way.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fibra::hyper::ReadAhead;
use fibra::net::{TcpListener, TcpStream};
use hyper::server::conn::http1;
use hyper::service::service_fn;

use crate::accept::accept_until_shutdown;
use crate::body::ResponseBody;
use crate::browser;
use crate::connections::{Connections, Seat};
use crate::first::{First, first};
use crate::shutdown::Shutdown;
use crate::site::Site;

/// How long a client may take to send a request's head, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the responses that are under way have to finish once the shutdown has begun.
const GRACE: Duration = Duration::from_secs(10);
/// The most that a connection buffers: the head of a request on one side; on the other, the next chunk of a response
/// is only asked for when less than this is left of the one before.
const BUFFER: usize = 64 * 1024;

/// What to serve, and where.
pub struct Server {
    /// The site.
    pub site: Arc<Site>,
    /// As bind takes it: host and port.
    pub address: String,
    /// How many connections may be open at once.
    pub connection_limit: usize,
    /// Whether to show the site in a browser.
    pub open_browser: bool,
    /// Ends it.
    pub shutdown: Shutdown,
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
        let url = browser::url(listener.local_addr()?);
        writeln!(io::stdout(), "{}", announce(&url))?;
        if self.open_browser {
            browser::open(&url);
        }
        let connections = Connections::default();
        fibra::wait(accept_until_shutdown(
            &listener,
            &self.shutdown,
            &connections,
            self.connection_limit,
            |stream, peer, seat| self.start(stream, peer, seat),
        ));
        // Closed first: who comes now shall be refused, not left waiting for a server that ends.
        drop(listener);
        Ok(fibra::wait(drain(&connections)))
    }

    /// Serves a connection in a task of its own. Nobody waits for that task: its seat tells when it is over.
    fn start(&self, stream: TcpStream, peer: SocketAddr, seat: Seat) {
        let (site, shutdown) = (Arc::clone(&self.site), self.shutdown.clone());
        drop(fibra::future::spawn(async move {
            if let Err(error) = serve_connection(stream, peer, &site, &shutdown).await
                && error.is_parse()
            {
                site.log().note(peer, &format!("malformed request: {error}"));
            }
            drop(seat);
        }));
    }
}

/// Waits for the connections to end, but not for ever.
async fn drain(connections: &Connections) -> End {
    match first(connections.fewer_than(1), fibra::time::sleep(GRACE)).await {
        First::Left(()) => End::Orderly,
        First::Right(()) => End::CutOff(connections.open()),
    }
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    site: &Arc<Site>,
    shutdown: &Shutdown,
) -> Result<(), hyper::Error> {
    // A response's last packet must not wait for the client's acknowledgement. If it can't be set, that is all it costs.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let site = Arc::clone(site);
        async move { Ok::<hyper::Response<ResponseBody>, std::convert::Infallible>(site.answer(&request, peer)) }
    });
    let connection = http1::Builder::new()
        .timer(fibra::hyper::Timer)
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER)
        // Who has said all may close that side and still wants the answer.
        .half_close(true)
        .serve_connection(ReadAhead::new(stream), service);
    let mut connection = pin!(connection);
    match first(shutdown.begun(), connection.as_mut()).await {
        First::Right(end) => end,
        First::Left(()) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}
