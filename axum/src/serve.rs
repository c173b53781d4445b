//! A server: it accepts, has a service made for each connection, and ends well.
//!
//! ```text
//!   accept ──► a task for each connection ──► ended: taken out of the set
//!     │                    ▲
//!   signal ── no more ─────┴── each is asked to end after its current requests
//!                              └── after the grace: those that are left are cancelled, and counted
//! ```

use crate::{IncomingStream, Listener};
use axum::{body::Body, extract::Request, response::Response};
use fibra::{
    future::{self, JoinHandle},
    hyper::{Executor, Timer},
    net::SocketAddr,
    time,
};
use futures_util::{
    future::{Either, select},
    stream::{FuturesUnordered, StreamExt},
};
use hyper::body::Incoming;
use hyper_util::{
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use std::{
    convert::Infallible,
    error::Error,
    fmt,
    future::{Future, IntoFuture, Pending, pending, poll_fn},
    io,
    pin::{Pin, pin},
    time::Duration,
};
use tower::{Service, ServiceExt};

/// How long to wait when a connection can't be accepted for want of something, such as descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves HTTP/1 and HTTP/2 on the connections of `listener`: each by a service that `make_service` makes for it. A
/// [`Router`](axum::Router) makes itself.
///
/// What is returned is awaited, or waited for by [`fibra::wait`]. It never ends by itself, unless it has a
/// [signal](Serve::with_graceful_shutdown). Dropping or cancelling it ends the accepting, and has connections end after the
/// requests that they have got, without anybody who waits for that.
///
/// A client that takes longer than 30 seconds for the head of a request is left, as hyper's default is.
///
/// ```
/// # use fibra::net::TcpListener;
/// # fn example() -> std::io::Result<()> {
/// let app = axum::Router::new().route("/", axum::routing::get(async || "hello"));
/// let listener = TcpListener::bind("127.0.0.1:8080")?;
/// fibra::run(|| fibra::wait(fibra_axum::serve(listener, app)))
/// # }
/// ```
pub fn serve<L, M, S>(listener: L, make_service: M) -> Serve<L, M>
where
    L: Listener,
    M: Service<IncomingStream, Response = S, Error = Infallible> + Send + 'static,
    M::Future: Send,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let mut http = Builder::new(Executor);
    http.http1().timer(Timer);
    http.http2().timer(Timer);
    Serve { listener, make_service, http, signal: pending(), grace: None }
}

/// See [`serve`].
#[must_use = "a server does nothing unless it is awaited"]
pub struct Serve<L, M, F = Pending<()>> {
    listener: L,
    make_service: M,
    http: Builder<Executor>,
    signal: F,
    grace: Option<Duration>,
}

impl<L, M, F> Serve<L, M, F> {
    /// Ends the server when `signal` is ready: it accepts no more, has each connection end after the requests that it has got,
    /// and is ready itself when the last one has ended.
    ///
    /// A connection on which nothing is under way is closed at once. One that was upgraded, to a WebSocket for example, is no
    /// longer the server's.
    ///
    /// ```
    /// # use fibra::{net::{TcpListener, TcpStream}, sync::oneshot};
    /// fibra::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?;
    ///     let (stop, stopped) = oneshot::channel();
    ///     let app = axum::Router::new();
    ///     let server = fibra_axum::serve(listener, app)
    ///         .with_graceful_shutdown(async { _ = stopped.await });
    ///     let server = fibra::future::spawn(server.into_future());
    ///     stop.send(()).unwrap();
    ///     fibra::wait(server).unwrap()
    /// })
    /// # .map_err(|error: std::io::Error| panic!("{error}")).unwrap();
    /// # use std::future::IntoFuture;
    /// ```
    pub fn with_graceful_shutdown<G>(self, signal: G) -> Serve<L, M, G>
    where
        G: Future<Output = ()> + Send + 'static,
    {
        let Self { listener, make_service, http, grace, .. } = self;
        Serve { listener, make_service, http, signal, grace }
    }

    /// How long connections may go on after the signal; without it, as long as they like. Those that are left then are
    /// cancelled, and the server's result is an error of kind `TimedOut` that wraps [`Unfinished`].
    ///
    /// A stream of events has no end of its own: with one of those, a server needs this to end.
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Changes hyper's settings, for HTTP/1 and HTTP/2. Executor and timers are fibra's already.
    ///
    /// ```
    /// # use fibra::net::TcpListener;
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let server = fibra_axum::serve(listener, axum::Router::new())
    ///     .with_http(|http| _ = http.http2().max_concurrent_streams(100));
    /// # drop(server);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_http(mut self, change: impl FnOnce(&mut Builder<Executor>)) -> Self {
        change(&mut self.http);
        self
    }
}

impl<L, M, F, S> IntoFuture for Serve<L, M, F>
where
    L: Listener,
    M: Service<IncomingStream, Response = S, Error = Infallible> + Send + 'static,
    M::Future: Send,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    F: Future<Output = ()> + Send + 'static,
{
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<L, M, F, S> Serve<L, M, F>
where
    L: Listener,
    M: Service<IncomingStream, Response = S, Error = Infallible> + Send + 'static,
    M::Future: Send,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    F: Future<Output = ()> + Send + 'static,
{
    async fn run(self) -> io::Result<()> {
        let Self { mut listener, mut make_service, http, signal, grace } = self;
        let graceful = GracefulShutdown::new();
        let mut connections = FuturesUnordered::new();
        let mut signal = pin!(signal);
        loop {
            let accepted = match next_event(&mut listener, &mut connections, signal.as_mut()).await {
                Event::Signal => break,
                Event::Accepted(accepted) => accepted,
            };
            let Some((stream, peer)) = accepted else {
                time::sleep(PAUSE).await;
                continue;
            };
            let service = service_for(&mut make_service, peer).await;
            let service = service.map_request(|request: hyper::Request<Incoming>| request.map(Body::new));
            let service = TowerToHyperService::new(service);
            let connection = http.serve_connection_with_upgrades(stream, service).into_owned();
            let connection = graceful.watch(connection);
            // How a connection ends is its client's business: mostly it has gone.
            connections.push(future::spawn(async { drop(connection.await) }));
        }
        // So that whoever connects now is refused, instead of left waiting.
        drop(listener);
        end(connections, graceful, grace).await
    }
}

type Connections = FuturesUnordered<JoinHandle<()>>;

enum Event<T> {
    Signal,
    /// `None` if the system says that nothing could be accepted now.
    Accepted(Option<T>),
}

async fn next_event<L: Listener>(
    listener: &mut L,
    connections: &mut Connections,
    signal: Pin<&mut impl Future<Output = ()>>,
) -> Event<(L::Io, SocketAddr)> {
    let accept = pin!(async {
        loop {
            match listener.accept().await {
                Ok(accepted) => return Some(accepted),
                Err(error) if concerns_one_connection(&error) => {}
                Err(_) => return None,
            }
        }
    });
    // Takes those that have ended out of the set, and is never ready itself: the set may be empty for a while.
    let reap = pin!(async {
        while connections.next().await.is_some() {}
        pending::<Infallible>().await
    });
    match select(signal, select(accept, reap)).await {
        Either::Left(((), _)) => Event::Signal,
        Either::Right((Either::Left((accepted, _)), _)) => Event::Accepted(accepted),
        Either::Right((Either::Right((never, _)), _)) => match never {},
    }
}

/// Whether a client has gone before it was accepted, so that the next one may be accepted at once.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn service_for<M, S>(make_service: &mut M, peer: SocketAddr) -> S
where
    M: Service<IncomingStream, Response = S, Error = Infallible>,
{
    let Ok(()) = poll_fn(|context| make_service.poll_ready(context)).await;
    let Ok(service) = make_service.call(IncomingStream::new(peer)).await;
    service
}

/// Has all connections end, and waits for them.
async fn end(
    mut connections: Connections,
    graceful: GracefulShutdown,
    grace: Option<Duration>,
) -> io::Result<()> {
    let ended = async {
        graceful.shutdown().await;
        while connections.next().await.is_some() {}
    };
    let Some(grace) = grace else {
        ended.await;
        return Ok(());
    };
    if time::timeout_async(grace, ended).await.is_ok() {
        return Ok(());
    }
    connections.iter().for_each(JoinHandle::cancel);
    // One may have ended just in time.
    let mut unfinished = 0;
    while let Some(outcome) = connections.next().await {
        unfinished += usize::from(outcome.is_err_and(|error| error.is_cancelled()));
    }
    if unfinished == 0 {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, Unfinished { connections: unfinished }))
}

/// So many connections had requests under way when the time for a shutdown was up; they were broken off.
///
/// The source of the error that a server with [`with_grace`](Serve::with_grace) returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfinished {
    /// How many.
    pub connections: usize,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} connection(s) did not end in time, and were broken off", self.connections)
    }
}

impl Error for Unfinished {}

impl<L: fmt::Debug, M, F> fmt::Debug for Serve<L, M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("listener", &self.listener)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}
