//! An axum application on fibra: JSON, the client's address, server-sent events, a WebSocket.
//!
//! ```text
//! cargo run --release -p fibra-axum --example axum_app --features ws [ADDRESS]
//! curl -d '[1, 2, 3]' -H 'content-type: application/json' http://127.0.0.1:8080/sum
//! curl -N http://127.0.0.1:8080/clock
//! ```

use axum::{
    Json, Router,
    extract::State,
    response::{Response, Sse, sse::Event},
    routing::{get, post},
};
use fibra::{
    cancel,
    net::{SocketAddr, TcpListener},
    time::interval,
};
use fibra_axum::{
    ConnectInfo, IntoMakeServiceWithConnectInfo, MakeServiceExt,
    sse::KeepAlive,
    ws::{
        WebSocket, WebSocketUpgrade,
        tungstenite::{
            self, Message,
            protocol::{CloseFrame, frame::coding::CloseCode},
        },
    },
};
use futures_util::{
    future::{BoxFuture, FutureExt, Shared},
    stream::{Stream, StreamExt},
};
use serde::Serialize;
use std::{convert::Infallible, io, time::Duration};

#[fibra::main]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let listener = TcpListener::bind_async(address).await?;
    println!("http://{}; end with Ctrl-D", listener.local_addr()?);
    let stopped = async { _ = fibra::unblock(|| io::copy(&mut io::stdin(), &mut io::sink())) };
    let stopped = stopped.boxed().shared();
    fibra_axum::serve(listener, app(stopped.clone()))
        .with_graceful_shutdown(stopped)
        .with_grace(Duration::from_secs(10))
        .await
}

/// Ready when the server is to end: for it, and for what would have no end otherwise.
pub(crate) type Stopped = Shared<BoxFuture<'static, ()>>;

pub(crate) fn app(stopped: Stopped) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
    Router::new()
        .route("/sum", post(sum))
        .route("/me", get(me))
        .route("/clock", get(clock))
        .route("/echo", get(echo))
        .with_state(stopped)
        .into_make_service_with_connect_info()
}

#[derive(Serialize)]
struct Sum {
    of: usize,
    sum: i64,
}

async fn sum(Json(numbers): Json<Vec<i32>>) -> Json<Sum> {
    Json(Sum { of: numbers.len(), sum: numbers.into_iter().map(i64::from).sum() })
}

async fn me(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
    format!("{peer}\n")
}

/// An event every 10 ms.
async fn clock(State(stopped): State<Stopped>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let ticks = interval(Duration::from_millis(10)).enumerate().take_until(stopped);
    Sse::new(KeepAlive::new(ticks.map(|(tick, _)| Ok(Event::default().event("tick").data(tick.to_string())))))
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| {
        if send_back(&mut socket).is_err() {
            // The client has gone, or the runtime ends: then it is told, though this thread is to wait for nothing any more.
            let goodbye = CloseFrame { code: CloseCode::Away, reason: "the server ends".into() };
            _ = cancel::shield(|| socket.close(Some(goodbye)).and_then(|()| socket.flush()));
        }
    })
}

/// On a green thread of its own, in plain code.
fn send_back(socket: &mut WebSocket) -> tungstenite::Result<()> {
    loop {
        match socket.read()? {
            message @ (Message::Text(_) | Message::Binary(_)) => socket.send(message)?,
            Message::Close(_) => return socket.flush(),
            _ => {}
        }
    }
}
