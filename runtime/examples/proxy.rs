//! A reverse proxy that speaks TLS, HTTP/1.1 and HTTP/2 to its clients, and HTTP/1.1 to the server behind it.
//!
//! ```text
//! cargo run --release --example proxy --features hyper,tokio-io -- LISTEN UPSTREAM CERTIFICATE.pem KEY.pem
//! ```
//!
//! rustls does the TLS and hyper the HTTP; between them and the kernel is fibra. Bodies go through as they come, in both
//! directions.

use fibra::{
    future::{self, JoinHandle},
    hyper::{Executor, Timer},
    io::Foreign,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Mutex,
    time,
};
use futures_util::{
    FutureExt, StreamExt,
    future::{Either as First, select},
    stream::FuturesUnordered,
};
use http_body_util::{Either, Full};
use hyper::{
    Request, Response, StatusCode, Uri,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{self, HeaderMap, HeaderName, HeaderValue},
    service::service_fn,
};
use hyper_util::server::{
    conn::auto,
    graceful::{GracefulShutdown, Watcher},
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    convert::Infallible,
    error::Error,
    future::{Future, ready},
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio_rustls::TlsAcceptor;

type Failure = Box<dyn Error + Send + Sync>;
type Body = Either<Incoming, Full<Bytes>>;

/// How long a client may take to agree on a key.
const HANDSHAKE: Duration = Duration::from_secs(30);

#[fibra::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [listen, upstream, certificate, key] = &arguments[..] else {
        return Err("usage: proxy LISTEN UPSTREAM CERTIFICATE.pem KEY.pem".into());
    };
    let certificates = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let tls = tls(certificates, PrivateKeyDer::from_pem_file(key)?)?;
    let listener = TcpListener::bind_async(listen.as_str()).await?;
    let proxy = Arc::new(Proxy::new(upstream.parse()?));
    println!("https://{} for http://{upstream}; end with Ctrl-D", listener.local_addr()?);
    let stop = async { _ = fibra::unblock(|| io::copy(&mut io::stdin(), &mut io::sink())) };
    let cut_off = Arc::clone(&proxy).serve(listener, tls, stop, Duration::from_secs(10)).await;
    println!("{:?}, {cut_off} connection(s) cut off", proxy.counts());
    Ok(())
}

/// What clients are offered: TLS 1.2 and 1.3, and over it HTTP/2, or else HTTP/1.1.
pub(crate) fn tls(
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

pub(crate) struct Proxy {
    upstream: SocketAddr,
    /// Connections to the server behind that may take another request.
    idle: Mutex<Vec<SendRequest<Incoming>>>,
    accepted: AtomicUsize,
    answered: AtomicUsize,
    failed: AtomicUsize,
}

/// Requests: each that was accepted is answered by the server behind, or by the proxy, which says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) accepted: usize,
    pub(crate) answered: usize,
    pub(crate) failed: usize,
}

impl Proxy {
    pub(crate) fn new(upstream: SocketAddr) -> Self {
        let none = || AtomicUsize::new(0);
        Self { upstream, idle: Mutex::default(), accepted: none(), answered: none(), failed: none() }
    }

    pub(crate) fn counts(&self) -> Counts {
        let [accepted, answered, failed] =
            [&self.accepted, &self.answered, &self.failed].map(|count| count.load(Relaxed));
        Counts { accepted, answered, failed }
    }

    /// Serves until `stop` is ready, and then has every connection end after the requests that it has got, within `grace`.
    /// Returns how many were cut off.
    pub(crate) async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tls: TlsAcceptor,
        stop: impl Future<Output = ()>,
        grace: Duration,
    ) -> usize {
        let graceful = GracefulShutdown::new();
        let mut connections = FuturesUnordered::new();
        let mut stop = pin!(stop);
        loop {
            match select(stop.as_mut(), pin!(listener.accept_async())).await {
                First::Left(((), _)) => break,
                First::Right((Ok((stream, peer)), _)) => {
                    let proxy = Arc::clone(&self);
                    let connection = proxy.connection(stream, peer, tls.clone(), graceful.watcher());
                    connections.push(future::spawn(connection));
                }
                // No descriptor is left, for example.
                First::Right((Err(_), _)) => time::sleep(Duration::from_millis(100)).await,
            }
            // Those that have ended are forgotten.
            while connections.next().now_or_never().flatten().is_some() {}
        }
        drop(listener);
        let ended = async {
            graceful.shutdown().await;
            while connections.next().await.is_some() {}
        };
        if time::timeout_async(grace, ended).await.is_ok() {
            return 0;
        }
        connections.iter().for_each(JoinHandle::cancel);
        connections.filter(|outcome| ready(outcome.is_err())).count().await
    }

    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        tls: TlsAcceptor,
        watcher: Watcher,
    ) {
        // A client that can't be agreed with is its own business, as is one that goes in the middle.
        let _ = stream.set_nodelay(true);
        let Ok(Ok(stream)) = time::timeout_async(HANDSHAKE, tls.accept(stream)).await else { return };
        let mut http = auto::Builder::new(Executor);
        http.http1().timer(Timer);
        http.http2().timer(Timer);
        let answer = service_fn(move |request| Arc::clone(&self).answer(request, peer));
        let connection = http.serve_connection(Foreign::tokio(stream), answer).into_owned();
        let _ = watcher.watch(connection).await;
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Response<Body>, Infallible> {
        self.accepted.fetch_add(1, Relaxed);
        match self.forward(request, peer).await {
            Ok(response) => {
                self.answered.fetch_add(1, Relaxed);
                Ok(response.map(Either::Left))
            }
            Err(failure) => {
                self.failed.fetch_add(1, Relaxed);
                let mut response = Response::new(Either::Right(Full::from(format!("{failure}\n"))));
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                Ok(response)
            }
        }
    }

    async fn forward(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Response<Incoming>, Failure> {
        for_upstream(&mut request, peer)?;
        loop {
            let (mut server, is_new) = match self.take_idle() {
                Some(server) => (server, false),
                None => (self.connect().await?, true),
            };
            match server.try_send_request(request).await {
                Ok(mut response) => {
                    remove_hop_by_hop(response.headers_mut());
                    self.idle.lock().expect("nobody panics in here").push(server);
                    return Ok(response);
                }
                Err(mut error) => match error.take_message() {
                    // The server had closed this connection meanwhile, and has seen nothing of the request.
                    Some(unsent) if !is_new => request = unsent,
                    _ => return Err(error.into_error().into()),
                },
            }
        }
    }

    /// A connection on which the last response has ended.
    fn take_idle(&self) -> Option<SendRequest<Incoming>> {
        let mut idle = self.idle.lock().expect("nobody panics in here");
        idle.retain(|server| !server.is_closed());
        let place = idle.iter().position(SendRequest::is_ready)?;
        Some(idle.swap_remove(place))
    }

    async fn connect(&self) -> Result<SendRequest<Incoming>, Failure> {
        let stream = TcpStream::connect_async(self.upstream).await?;
        stream.set_nodelay(true)?;
        let (mut server, connection) = http1::handshake(stream).await?;
        drop(future::spawn(connection));
        server.ready().await?;
        Ok(server)
    }
}

/// Makes a client's request one of the proxy's own: with a host by HTTP/1.1, and whose it is.
fn for_upstream(request: &mut Request<Incoming>, peer: SocketAddr) -> Result<(), Failure> {
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str())?;
        request.headers_mut().insert(header::HOST, host);
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = Uri::try_from(path)?;
    *request.version_mut() = hyper::Version::HTTP_11;
    let headers = request.headers_mut();
    remove_hop_by_hop(headers);
    headers.insert("x-forwarded-for", HeaderValue::try_from(peer.ip().to_string())?);
    headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    Ok(())
}

/// What was said between the two ends of one connection is not passed on.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let always =
        ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];
    always.into_iter().for_each(|name| _ = headers.remove(name));
    named.into_iter().for_each(|name| _ = headers.remove(name));
}
