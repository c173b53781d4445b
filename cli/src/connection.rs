//! One connection, from its first byte to its last: TLS or not, HTTP/1 or HTTP/2, and for how long.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use fibra::hyper::{Executor, ReadAhead, Timer};
use fibra::net::TcpStream;
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper::{Request, Response};

use crate::body::ResponseBody;
use crate::counters::Counters;
use crate::first::{First, first};
use crate::patience::{Exchange, Late, Limits, Patience};
use crate::shutdown::Shutdown;
use crate::site::Site;
use crate::stream::{Stream, Transport};
use crate::tls::{Tls, TlsStream};
use crate::unsent;

/// The most that a connection buffers of responses: the next chunk is only asked for when less than this is left of the one
/// before. hyper buffers at least as much of a request's head as that may have.
const BUFFER: usize = 64 * 1024;
/// How many requests an HTTP/2 client may have under way on a connection. Each may hold an open file and a chunk of it; but
/// fewer than the 100 that RFC 9113 asks for would be refused to clients that begin before they know.
const STREAMS: u32 = 128;

/// What all connections have in common.
pub struct Host {
    /// What they are there for.
    pub site: Arc<Site>,
    /// How long is waited for what.
    pub limits: Limits,
    /// Bytes of a request's head.
    pub head_size: usize,
    /// `None` for plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Ends them.
    pub shutdown: Shutdown,
    /// Counts them.
    pub counters: Arc<Counters>,
}

enum Protocol {
    Http1,
    Http2,
}

/// How a connection ended that went wrong.
enum Failure {
    Handshake(io::Error),
    Http(hyper::Error),
    /// The connection was lost before HTTP had begun.
    Lost,
}

impl Host {
    /// Serves `stream` until its end.
    pub async fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        prepare(&stream);
        let Ok(socket) = stream.try_clone() else { return };
        let patience = Patience::new(self.limits);
        match first(self.converse(stream, peer, &patience), patience.late()).await {
            First::Left(Ok(()) | Err(Failure::Lost)) => (),
            First::Left(Err(Failure::Handshake(error))) => {
                self.counters.handshakes_failed.add(1);
                self.note(peer, &format!("the TLS handshake failed: {error}"));
            }
            First::Left(Err(Failure::Http(error))) => self.note_failure(peer, &error),
            First::Right(late) => {
                self.counters.given_up(late);
                self.give_up(&socket, peer, late);
            }
        }
    }

    /// The whole of it, but for the time that it may take.
    async fn converse(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        patience: &Arc<Patience>,
    ) -> Result<(), Failure> {
        // Until something of a request has come, there is nothing to finish when the server ends.
        let (stream, protocol) = match first(self.open(stream, patience), self.shutdown.begun()).await {
            First::Left(opened) => opened?,
            First::Right(()) => return Ok(()),
        };
        match protocol {
            Protocol::Http1 => self.serve_http1(stream, peer, patience).await,
            Protocol::Http2 => {
                patience.speaks_http2();
                self.serve_http2(stream, peer, patience).await
            }
        }
    }

    /// Does the TLS handshake, if there is one, and finds out what the client speaks.
    async fn open(&self, stream: TcpStream, patience: &Arc<Patience>) -> Result<(Stream, Protocol), Failure> {
        let stream = ReadAhead::new(stream);
        let Some(tls) = &self.tls else {
            let mut stream = Stream::new(Transport::Plain(stream), Arc::clone(patience));
            let is_http2 = stream.begins_with_preface().await.map_err(|_| Failure::Lost)?;
            return Ok((stream, if is_http2 { Protocol::Http2 } else { Protocol::Http1 }));
        };
        let stream = TlsStream::accept(tls.config(), stream).await.map_err(Failure::Handshake)?;
        let protocol = if stream.has_agreed_on_http2() { Protocol::Http2 } else { Protocol::Http1 };
        Ok((Stream::new(Transport::Tls(Box::new(stream)), Arc::clone(patience)), protocol))
    }

    async fn serve_http1(
        &self,
        stream: Stream,
        peer: SocketAddr,
        patience: &Arc<Patience>,
    ) -> Result<(), Failure> {
        let connection = http1::Builder::new()
            // All waiting is limited by `patience`.
            .header_read_timeout(None::<Duration>)
            .max_header_size(self.head_size)
            .max_buf_size(BUFFER.max(self.head_size))
            // Who has said all may close that side and still wants the answer.
            .half_close(true)
            .serve_connection(stream, self.requests(peer, patience));
        self.drive(connection, http1::Connection::graceful_shutdown, patience).await
    }

    async fn serve_http2(
        &self,
        stream: Stream,
        peer: SocketAddr,
        patience: &Arc<Patience>,
    ) -> Result<(), Failure> {
        let connection = http2::Builder::new(Executor)
            .timer(Timer)
            .max_header_list_size(u32::try_from(self.head_size).unwrap_or(u32::MAX))
            .max_concurrent_streams(STREAMS)
            .max_send_buf_size(BUFFER)
            .serve_connection(stream, self.requests(peer, patience));
        self.drive(connection, http2::Connection::graceful_shutdown, patience).await
    }

    fn requests(&self, peer: SocketAddr, patience: &Arc<Patience>) -> Requests {
        Requests { site: Arc::clone(&self.site), peer, patience: Arc::clone(patience) }
    }

    /// Waits for the connection to end. After a while without requests, or when the server ends, `close` asks it to.
    async fn drive<C>(
        &self,
        connection: C,
        close: impl FnOnce(Pin<&mut C>),
        patience: &Patience,
    ) -> Result<(), Failure>
    where
        C: Future<Output = Result<(), hyper::Error>>,
    {
        let mut connection = pin!(connection);
        let asked = first(self.shutdown.begun(), patience.idle());
        let end = match first(connection.as_mut(), asked).await {
            First::Left(end) => end,
            First::Right(_) => {
                close(connection.as_mut());
                connection.await
            }
        };
        end.map_err(Failure::Http)
    }

    fn give_up(&self, socket: &TcpStream, peer: SocketAddr, late: Late) {
        match late {
            Late::Head => self.note(peer, "cut off: no request has come in time"),
            Late::Response => {
                // Or the system would try for minutes to deliver what it has already taken. If it can't be set, it does.
                let _ = socket.set_linger(Some(Duration::ZERO));
                self.note(peer, "cut off: the response is not read");
            }
            Late::Closing => (),
        }
    }

    fn note_failure(&self, peer: SocketAddr, error: &hyper::Error) {
        // Anything else is a client that has gone.
        if error.is_parse() {
            self.counters.malformed.add(1);
            self.note(peer, &format!("malformed request: {error}"));
        }
    }

    fn note(&self, peer: SocketAddr, text: &str) {
        self.site.log().note(peer, text);
    }
}

/// Sets the socket's options. Where one can't be set, it only costs what it was meant to save.
fn prepare(stream: &TcpStream) {
    // A response's last packet must not wait for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let _ = unsent::limit(stream);
}

/// A connection's requests, as hyper hands them over.
struct Requests {
    site: Arc<Site>,
    peer: SocketAddr,
    patience: Arc<Patience>,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let exchange = self.patience.request(!request.body().is_end_stream());
        Answering { site: Arc::clone(&self.site), peer: self.peer, request: Some((request, exchange)) }
    }
}

/// A request that is answered when this is polled for the first time. That blocks in direct style, so an HTTP/2
/// connection's requests must not be answered in `call`: they would wait for one another.
struct Answering {
    site: Arc<Site>,
    peer: SocketAddr,
    request: Option<(Request<Incoming>, Exchange)>,
}

impl Future for Answering {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        let (request, exchange) = self.request.take().expect("a future is not polled after its end");
        Poll::Ready(Ok(self.site.answer(&request, self.peer, exchange)))
    }
}
