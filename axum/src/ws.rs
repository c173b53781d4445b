//! WebSockets (feature `ws`).
//!
//! A handler extracts [`WebSocketUpgrade`], and answers with what [`on_upgrade`](WebSocketUpgrade::on_upgrade) returns. The closure
//! then runs on a green thread of its own, with a [`tungstenite::WebSocket`] that reads and writes in direct style:
//!
//! ```
//! use axum::{Router, response::Response, routing::get};
//! use fibra::net::{TcpListener, TcpStream};
//! use fibra_axum::ws::{WebSocket, WebSocketUpgrade};
//!
//! fn echo(mut socket: WebSocket) -> tungstenite::Result<()> {
//!     loop {
//!         match socket.read()? {
//!             message if message.is_text() || message.is_binary() => socket.send(message)?,
//!             _ => {}
//!         }
//!     }
//! }
//!
//! async fn handler(upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.on_upgrade(|socket| _ = echo(socket))
//! }
//!
//! fibra::run(|| -> std::io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let stream = TcpStream::connect(listener.local_addr()?)?;
//!     let app = Router::new().route("/", get(handler));
//!     let server = fibra::future::spawn(async { fibra_axum::serve(listener, app).await });
//!
//!     let (mut client, _) = tungstenite::client("ws://localhost/", stream).unwrap();
//!     client.send("hello".into()).unwrap();
//!     assert_eq!(client.read().unwrap(), "hello".into());
//!     server.cancel();
//!     Ok(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A WebSocket has one owner: a green thread that both waits for messages and sends what others have for it does better with
//! [`on_upgrade_async`](WebSocketUpgrade::on_upgrade_async), and a WebSocket for futures on top, such as `async-tungstenite` or
//! `fastwebsockets`.
//!
//! WebSockets come over HTTP/1.1. A client that speaks HTTP/2 opens another connection for them, as browsers do where the server
//! doesn't offer anything else.

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, header::HeaderName, request::Parts},
    response::{IntoResponse, Response},
};
use fibra::{
    future,
    io::{Foreign, Hyper},
    thread,
};
use hyper::upgrade::OnUpgrade;
use std::{error::Error, fmt};
use tungstenite::{
    handshake::derive_accept_key,
    protocol::{Role, WebSocketConfig},
};

pub use tungstenite;

/// A connection that was upgraded: read and written in direct style, and by hyper's traits; by those of tokio and futures-io with
/// fibra's features of these names.
pub type Upgraded = Foreign<hyper::upgrade::Upgraded, Hyper>;

/// A WebSocket of the server, in direct style.
pub type WebSocket = tungstenite::WebSocket<Upgraded>;

/// Extracts the wish to go on as a WebSocket. See the [module](self).
pub struct WebSocketUpgrade<F = fn(hyper::Error)> {
    key: HeaderValue,
    upgrade: OnUpgrade,
    /// What the client offers, in its order.
    offered: Vec<String>,
    protocol: Option<HeaderValue>,
    config: WebSocketConfig,
    on_failed: F,
}

impl<F> WebSocketUpgrade<F>
where
    F: FnOnce(hyper::Error) + Send + 'static,
{
    /// Chooses the first of `protocols` that the client offers. None of them: the connection is upgraded without one.
    ///
    /// # Panics
    ///
    /// If one of them has characters that a header can't have.
    pub fn protocols<P: AsRef<str>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        let chosen = protocols
            .into_iter()
            .find(|protocol| self.offered.iter().any(|offered| offered == protocol.as_ref()));
        self.protocol = chosen
            .map(|protocol| HeaderValue::from_str(protocol.as_ref()).expect("a protocol's name is a token"));
        self
    }

    /// The protocol that was chosen.
    pub fn selected_protocol(&self) -> Option<&HeaderValue> {
        self.protocol.as_ref()
    }

    /// Limits of messages and buffers, for [`on_upgrade`](WebSocketUpgrade::on_upgrade).
    pub fn config(mut self, config: WebSocketConfig) -> Self {
        self.config = config;
        self
    }

    /// What to do if the connection is broken off before it was upgraded. As provided, nothing: the closure that waits for it is
    /// dropped.
    pub fn on_failed_upgrade<G>(self, on_failed: G) -> WebSocketUpgrade<G>
    where
        G: FnOnce(hyper::Error) + Send + 'static,
    {
        let Self { key, upgrade, offered, protocol, config, .. } = self;
        WebSocketUpgrade { key, upgrade, offered, protocol, config, on_failed }
    }

    /// The response that makes the connection a WebSocket. Once it is sent, `run` runs on a green thread of its own.
    ///
    /// The runtime's shutdown cancels that thread as any other; the server's doesn't know it.
    pub fn on_upgrade(self, run: impl FnOnce(WebSocket) + Send + 'static) -> Response {
        let config = self.config;
        self.upgraded(move |upgraded| {
            thread::spawn(move || run(WebSocket::from_raw_socket(upgraded, Role::Server, Some(config))));
        })
    }

    /// The same for futures, with the bare connection: for a WebSocket of another crate, which begins after the handshake.
    ///
    /// ```
    /// # use axum::response::Response;
    /// # use fibra_axum::ws::WebSocketUpgrade;
    /// use futures_util::{AsyncReadExt, AsyncWriteExt};
    ///
    /// async fn handler(upgrade: WebSocketUpgrade) -> Response {
    ///     upgrade.on_upgrade_async(async |mut connection| {
    ///         let mut frame = [0; 128];
    ///         while let Ok(length @ 1..) = AsyncReadExt::read(&mut connection, &mut frame).await {
    ///             println!("{length} bytes of frames");
    ///         }
    ///     })
    /// }
    /// ```
    pub fn on_upgrade_async<R, Fut>(self, run: R) -> Response
    where
        R: FnOnce(Upgraded) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.upgraded(move |upgraded| drop(future::spawn(run(upgraded))))
    }

    fn upgraded(self, go_on: impl FnOnce(Upgraded) + Send + 'static) -> Response {
        let Self { key, upgrade, protocol, on_failed, .. } = self;
        drop(future::spawn(async {
            match upgrade.await {
                Ok(upgraded) => go_on(Foreign::hyper(upgraded)),
                Err(error) => on_failed(error),
            }
        }));
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let accept = derive_accept_key(key.as_bytes());
        let accept = HeaderValue::try_from(accept).expect("base64 is text");
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        if let Some(protocol) = protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        response
    }
}

impl<S: Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = NoWebSocket;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoWebSocket> {
        let headers = &parts.headers;
        if parts.method != Method::GET {
            return Err(NoWebSocket::Method);
        }
        if !tokens(headers, header::CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"))
            || !tokens(headers, header::UPGRADE).any(|token| token.eq_ignore_ascii_case("websocket"))
        {
            return Err(NoWebSocket::Upgrade);
        }
        if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(NoWebSocket::Version);
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or(NoWebSocket::Key)?.clone();
        let offered = tokens(headers, header::SEC_WEBSOCKET_PROTOCOL).map(String::from).collect();
        let upgrade = parts.extensions.remove::<OnUpgrade>().ok_or(NoWebSocket::Connection)?;
        let config = WebSocketConfig::default();
        Ok(Self { key, upgrade, offered, protocol: None, config, on_failed: |_| {} })
    }
}

/// The elements of a header that is a list, in one line or several.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// Why a request can't become a WebSocket: the client's fault, but for the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoWebSocket {
    /// The method is not GET.
    Method,
    /// The request doesn't ask for an upgrade to a WebSocket.
    Upgrade,
    /// The version of the protocol is another one than 13.
    Version,
    /// The header `Sec-WebSocket-Key` is missing.
    Key,
    /// The connection can't be upgraded: it is HTTP/2, or somebody has done so already.
    Connection,
}

impl NoWebSocket {
    /// What the client is told.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Upgrade | Self::Connection => StatusCode::UPGRADE_REQUIRED,
            Self::Version | Self::Key => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for NoWebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "a WebSocket is asked for by GET",
            Self::Upgrade => "this is for WebSockets: the request must ask for an upgrade",
            Self::Version => "WebSockets are spoken here in version 13",
            Self::Key => "the header Sec-WebSocket-Key is missing",
            Self::Connection => "this connection can't become a WebSocket",
        })
    }
}

impl Error for NoWebSocket {}

impl IntoResponse for NoWebSocket {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.to_string()).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Upgrade | Self::Connection => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            Self::Version => {
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            Self::Method | Self::Key => {}
        }
        response
    }
}

impl<F> fmt::Debug for WebSocketUpgrade<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketUpgrade")
            .field("offered", &self.offered)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}
