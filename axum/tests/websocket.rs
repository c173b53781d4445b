//! WebSockets over axum: on green threads and for futures; what is no WebSocket is told so.

use axum::{Router, response::Response, routing::any};
use fibra::{
    future::{self, JoinHandle},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    thread,
};
use fibra_axum::ws::{
    WebSocket, WebSocketUpgrade,
    tungstenite::{self, Message, client::IntoClientRequest},
};
use std::{
    future::IntoFuture,
    io::{self, Read, Write},
    time::Duration,
};

fn start(app: Router) -> (SocketAddr, JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    (address, future::spawn(fibra_axum::serve(listener, app).into_future()))
}

fn open(address: SocketAddr, path: &str) -> tungstenite::WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).expect("it listens");
    tungstenite::client(format!("ws://{address}{path}"), stream).expect("it is a WebSocket").0
}

fn send_back(mut socket: WebSocket) {
    while let Ok(message) = socket.read() {
        if (message.is_text() || message.is_binary()) && socket.send(message).is_err() {
            return;
        }
    }
}

#[fibra::test]
fn messages_of_all_sizes_come_back() {
    let (address, server) =
        start(Router::new().route("/", any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(send_back))));
    let mut socket = open(address, "/");
    for len in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        let message = Message::binary(vec![len as u8; len]);
        socket.send(message.clone()).unwrap();
        assert!(socket.read().unwrap() == message, "{len}");
    }
    socket.close(None).unwrap();
    loop {
        match socket.read() {
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed) => break,
            Err(error) => panic!("it ended without goodbye: {error}"),
        }
    }
    server.cancel();
}

#[fibra::test]
fn the_first_protocol_that_both_speak_is_chosen() {
    let handler = async |upgrade: WebSocketUpgrade| -> Response {
        upgrade.protocols(["tea", "coffee"]).on_upgrade(send_back)
    };
    let (address, server) = start(Router::new().route("/", any(handler)));
    for (offered, chosen) in [("milk, coffee, tea", Some("tea")), ("coffee", Some("coffee")), ("milk", None)]
    {
        let mut request = format!("ws://{address}/").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", offered.parse().unwrap());
        let stream = TcpStream::connect(address).unwrap();
        match tungstenite::client(request, stream) {
            Ok((_, response)) => {
                let header = response.headers().get("sec-websocket-protocol");
                assert_eq!(header.map(|value| value.to_str().unwrap()), chosen, "{offered}");
            }
            // A client that offers some insists on one.
            Err(_) => assert_eq!(chosen, None, "{offered}"),
        }
    }
    server.cancel();
}

#[fibra::test]
fn futures_get_the_connection_as_it_is() {
    use futures_util::{AsyncReadExt, AsyncWriteExt};
    let handler = async |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade_async(async |mut connection| {
            let mut frame = [0; 7];
            AsyncReadExt::read_exact(&mut connection, &mut frame).await.expect("a frame of one byte");
            assert_eq!(frame[..2], [0x82, 0x81], "the whole of a binary message, masked");
            AsyncWriteExt::write_all(&mut connection, &[0x82, 1, frame[6] ^ frame[2]])
                .await
                .expect("it is read");
            AsyncWriteExt::flush(&mut connection).await.expect("it is read");
        })
    };
    let (address, server) = start(Router::new().route("/", any(handler)));
    let mut socket = open(address, "/");
    socket.send(Message::binary(vec![42])).unwrap();
    assert_eq!(socket.read().unwrap(), Message::binary(vec![42]));
    server.cancel();
}

/// The response is never sent, and then the server is in a hurry.
#[fibra::test]
fn a_connection_that_is_broken_off_before_the_upgrade_is_reported() {
    let (failed, failures) = mpsc::channel();
    let (begun, has_begun) = mpsc::channel();
    let handler = move |upgrade: WebSocketUpgrade| {
        let (failed, begun) = (failed.clone(), begun.clone());
        async move {
            let response = upgrade
                .on_failed_upgrade(move |error| failed.send(error.to_string()).expect("the test waits"))
                .on_upgrade(|_| panic!("it was never upgraded"));
            begun.send(()).expect("the test waits");
            std::future::pending::<()>().await;
            response
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = fibra_axum::serve(listener, Router::new().route("/", any(handler)))
        .with_graceful_shutdown(async { _ = stopped.await })
        .with_grace(Duration::ZERO);
    let server = future::spawn(server.into_future());
    let client = thread::spawn(move || {
        let stream = TcpStream::connect(address).expect("it listens");
        tungstenite::client(format!("ws://{address}/"), stream).map(drop).expect_err("it is none");
    });
    has_begun.recv().unwrap();
    stop.send(()).unwrap();
    assert!(!failures.recv().unwrap().is_empty());
    fibra::wait(server).unwrap().unwrap_err();
    client.join().unwrap();
}

#[fibra::test]
fn requests_that_are_none_for_a_websocket_are_told_so() {
    let (address, server) =
        start(Router::new().route("/", any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(send_back))));
    let ask = |head: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{head}\r\nhost: here\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let upgrade = "connection: keep-alive, Upgrade\r\nupgrade: WebSocket";
    for (head, status) in [
        ("GET / HTTP/1.1".into(), "426"),
        (format!("POST / HTTP/1.1\r\n{upgrade}"), "405"),
        (format!("GET / HTTP/1.1\r\n{upgrade}"), "400"),
        (format!("GET / HTTP/1.1\r\n{upgrade}\r\nsec-websocket-version: 8"), "400"),
        (format!("GET / HTTP/1.1\r\n{upgrade}\r\nsec-websocket-version: 13"), "400"),
        ("GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c".into(), "426"),
    ] {
        let answer = ask(&head);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}:\n{answer}");
    }
    assert!(
        ask(&format!("GET / HTTP/1.1\r\n{upgrade}\r\nsec-websocket-version: 8"))
            .contains("sec-websocket-version: 13")
    );
    server.cancel();
}
