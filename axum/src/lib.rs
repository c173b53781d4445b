//! [axum] on fibra: what axum's feature `tokio` has, by fibra instead of tokio's runtime.
//!
//! A [`Router`](axum::Router), its handlers, extractors and middleware know of no runtime. What does is here:
//!
//! | of axum | here |
//! | --- | --- |
//! | `axum::serve`, `with_graceful_shutdown` | [`serve`], [`Serve::with_graceful_shutdown`] |
//! | `ConnectInfo`, `into_make_service_with_connect_info` | [`ConnectInfo`], [`MakeServiceExt`] |
//! | `axum::extract::ws` | [`ws`], with the feature `ws` |
//! | `Sse::keep_alive` | [`sse::KeepAlive`] |
//!
//! Depend on axum with `default-features = false` and those of its features that you need, but not on `tokio`, `ws`, `http1` and
//! `http2`: they bring tokio's runtime along. HTTP/1 and HTTP/2 are here.
//!
//! A handler is a future, and may wait in direct style all the same: a file, a lock, a green thread. The stack of its `poll`
//! waits then, and other tasks go on.
//!
//! ```
//! use axum::{Router, routing::get};
//! use fibra::net::{SocketAddr, TcpListener, TcpStream};
//! use fibra_axum::{ConnectInfo, MakeServiceExt};
//! use std::io::{Read, Write};
//!
//! fibra::run(|| -> std::io::Result<()> {
//!     let greet = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| format!("hello, {}", peer.ip());
//!     let app = Router::new().route("/", get(greet));
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let mut client = TcpStream::connect(listener.local_addr()?)?;
//!     let app = app.into_make_service_with_connect_info::<SocketAddr>();
//!     let server = fibra::future::spawn(async { fibra_axum::serve(listener, app).await });
//!
//!     client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
//!     let mut response = String::new();
//!     client.read_to_string(&mut response)?;
//!     assert!(response.ends_with("hello, 127.0.0.1"));
//!     server.cancel();
//!     Ok(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod connect_info;
mod listener;
mod serve;
pub mod sse;
#[cfg(feature = "ws")]
pub mod ws;

pub use connect_info::{ConnectInfo, Connected, IntoMakeServiceWithConnectInfo, MakeServiceExt};
pub use listener::{IncomingStream, Listener};
pub use serve::{Serve, Unfinished, serve};
