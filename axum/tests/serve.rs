//! A server serves both versions of HTTP, knows whose connection is whose, and ends as it says.

use axum::{
    Router,
    body::{Body, Bytes},
    http::{Request, StatusCode},
    response::{Sse, sse::Event},
    routing::{get, post},
};
use fibra::{
    future::{self, JoinHandle},
    hyper::{Executor, Timer},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::oneshot,
    time,
};
use fibra_axum::{
    ConnectInfo, Connected, IncomingStream, MakeServiceExt, Serve, Unfinished, serve, sse::KeepAlive,
};
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::client::conn::{http1, http2};
use std::{
    convert::Infallible,
    future::IntoFuture,
    io::{self, Read, Write},
    time::Duration,
};

/// Long enough for any machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

type Ended = JoinHandle<io::Result<()>>;

/// Serves until it is told to stop.
fn start<S, M>(
    serve: Serve<TcpListener, M>,
    change: impl FnOnce(Serve<TcpListener, M, Stop>) -> S,
) -> (oneshot::Sender<()>, Ended)
where
    S: IntoFuture<Output = io::Result<()>, IntoFuture: Send + 'static>,
{
    let (stop, stopped) = oneshot::channel::<()>();
    let signal: Stop = Box::pin(async move { _ = stopped.await });
    (stop, future::spawn(change(serve.with_graceful_shutdown(signal)).into_future()))
}

type Stop = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn get_text(sender: &mut http1::SendRequest<Body>, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).header("host", "here").body(Body::empty()).expect("it is valid");
    // After an answer the connection's task has to run before it takes the next request.
    sender.ready().await.expect("the connection lasts");
    let response = sender.send_request(request).await.expect("it is answered");
    let status = response.status();
    let content = response.into_body().collect().await.expect("it is complete").to_bytes();
    (status, String::from_utf8_lossy(&content).into_owned())
}

async fn connect(address: SocketAddr) -> (http1::SendRequest<Body>, SocketAddr) {
    let stream = TcpStream::connect_async(address).await.expect("it listens");
    let local = stream.local_addr().expect("it is connected");
    let (sender, connection) = http1::handshake(stream).await.expect("it is HTTP");
    drop(future::spawn(connection));
    (sender, local)
}

/// The socket is closed when the kernel has given up the last accept; until then somebody may get in, and is sent away.
async fn refused(address: SocketAddr) {
    while TcpStream::connect_async(address).await.is_ok() {
        time::sleep(Duration::from_millis(1)).await;
    }
}

#[derive(Clone)]
struct Port(u16);

impl Connected for Port {
    fn connect_info(connection: IncomingStream) -> Self {
        Self(connection.remote_addr().port())
    }
}

#[fibra::test]
async fn handlers_know_who_asks() {
    let (listener, address) = listener();
    let app =
        Router::new().route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()));
    let (stop, ended) =
        start(serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()), |serve| serve);
    for _ in 0..3 {
        let (mut sender, local) = connect(address).await;
        for _ in 0..3 {
            assert_eq!(get_text(&mut sender, "/").await, (StatusCode::OK, local.to_string()));
        }
    }
    stop.send(()).unwrap();
    ended.await.unwrap().unwrap();
}

#[fibra::test]
async fn what_is_known_of_a_connection_may_be_a_type_of_ones_own() {
    let (listener, address) = listener();
    let app = get(async |ConnectInfo(Port(port)): ConnectInfo<Port>| port.to_string());
    let (stop, ended) =
        start(serve(listener, app.into_make_service_with_connect_info::<Port>()), |serve| serve);
    let (mut sender, local) = connect(address).await;
    assert_eq!(get_text(&mut sender, "/").await.1, local.port().to_string());
    drop(sender);
    stop.send(()).unwrap();
    ended.await.unwrap().unwrap();
}

#[fibra::test]
async fn a_service_that_was_made_without_it_knows_nobody() {
    let (listener, address) = listener();
    let app =
        Router::new().route("/", get(async |ConnectInfo(Port(port)): ConnectInfo<Port>| port.to_string()));
    let (stop, ended) = start(serve(listener, app), |serve| serve);
    let (mut sender, _) = connect(address).await;
    assert_eq!(get_text(&mut sender, "/").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    drop(sender);
    stop.send(()).unwrap();
    ended.await.unwrap().unwrap();
}

#[fibra::test]
async fn http2_is_served_on_the_same_port() {
    let (listener, address) = listener();
    let app = Router::new().route("/", post(async |content: Bytes| content));
    let (stop, ended) = start(serve(listener, app), |serve| serve);
    let stream = TcpStream::connect_async(address).await.unwrap();
    let (sender, connection) = http2::Builder::new(Executor).timer(Timer).handshake(stream).await.unwrap();
    let connection = future::spawn(connection);
    let requests: Vec<_> = (0..50)
        .map(|number| {
            let mut sender = sender.clone();
            future::spawn(async move {
                let content = Bytes::from(vec![number as u8; number * 1000]);
                let request = Request::post("http://here/").body(Body::from(content.clone())).unwrap();
                sender.ready().await.unwrap();
                let response = sender.send_request(request).await.unwrap();
                assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), content);
            })
        })
        .collect();
    for request in requests {
        request.await.unwrap();
    }
    stop.send(()).unwrap();
    ended.await.unwrap().unwrap();
    connection.await.unwrap().unwrap();
}

#[fibra::test]
async fn a_stop_lets_requests_end_and_closes_what_is_idle() {
    let (listener, address) = listener();
    let (begun, mut has_begun) = fibra::sync::mpsc::channel();
    let slow = move || {
        let begun = begun.clone();
        async move {
            begun.send(()).expect("the test waits");
            time::sleep(Duration::from_millis(50)).await;
            "at last"
        }
    };
    let app = Router::new().route("/slow", get(slow)).route("/", get(async || ""));
    let (stop, ended) = start(serve(listener, app), |serve| serve);
    let (mut idle, _) = connect(address).await;
    get_text(&mut idle, "/").await;
    let (mut busy, _) = connect(address).await;
    let answer = future::spawn(async move { get_text(&mut busy, "/slow").await });
    has_begun.recv_async().await.unwrap();
    stop.send(()).unwrap();
    assert_eq!(answer.await.unwrap().1, "at last");
    ended.await.unwrap().unwrap();
    idle.ready().await.unwrap_err();
    refused(address).await;
}

#[fibra::test]
async fn who_does_not_end_in_time_is_counted() {
    let (listener, address) = listener();
    let (begun, mut has_begun) = fibra::sync::mpsc::channel();
    let never = move || {
        let begun = begun.clone();
        async move {
            begun.send(()).expect("the test waits");
            std::future::pending::<()>().await;
        }
    };
    let app = Router::new().route("/never", get(never));
    let (stop, ended) = start(serve(listener, app), |serve| serve.with_grace(Duration::from_millis(5)));
    let clients: Vec<_> = (0..3)
        .map(|_| {
            future::spawn(async move {
                let (mut sender, _) = connect(address).await;
                let request = Request::get("/never").header("host", "here").body(Body::empty()).unwrap();
                sender.send_request(request).await
            })
        })
        .collect();
    for _ in &clients {
        has_begun.recv_async().await.unwrap();
    }
    stop.send(()).unwrap();
    let error = ended.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let unfinished = error.get_ref().and_then(|source| source.downcast_ref::<Unfinished>());
    assert_eq!(unfinished.map(|unfinished| unfinished.connections), Some(3), "{error}");
    for client in clients {
        client.await.unwrap().unwrap_err();
    }
}

#[fibra::test]
async fn a_server_that_is_dropped_listens_no_more() {
    let (listener, address) = listener();
    let server = future::spawn(serve(listener, Router::new().route("/", get(async || "here"))).into_future());
    let (mut sender, _) = connect(address).await;
    assert_eq!(get_text(&mut sender, "/").await.1, "here");
    server.cancel();
    assert!(server.await.unwrap_err().is_cancelled());
    refused(address).await;
}

/// hyper's time limit for the head of a request, by fibra's timer.
#[fibra::test]
fn a_client_that_sends_half_a_request_is_left() {
    let (listener, address) = listener();
    let app = Router::new();
    let limited = serve(listener, app).with_http(|http| {
        _ = http.http1().header_read_timeout(Duration::from_millis(5));
    });
    let server = future::spawn(limited.into_future());
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: he").unwrap();
    let ended = time::timeout(PATIENCE, || client.read_to_end(&mut Vec::new()));
    ended.expect("it is left").unwrap();
    server.cancel();
}

/// A handler may wait in direct style: with more of them than there are workers, all are answered.
#[fibra::test]
async fn handlers_may_wait_in_direct_style() {
    let (listener, address) = listener();
    let direct = async || {
        fibra::thread::sleep(Duration::from_millis(5));
        "waited"
    };
    let (stop, ended) = start(serve(listener, Router::new().route("/", get(direct))), |serve| serve);
    let clients: Vec<_> = (0..50)
        .map(|_| {
            future::spawn(async move {
                let (mut sender, _) = connect(address).await;
                get_text(&mut sender, "/").await.1
            })
        })
        .collect();
    for client in clients {
        assert_eq!(client.await.unwrap(), "waited");
    }
    stop.send(()).unwrap();
    ended.await.unwrap().unwrap();
}

#[fibra::test]
fn a_silent_stream_of_events_is_kept_alive() {
    let (listener, address) = listener();
    let events = async || {
        let one = stream::iter([Ok::<_, Infallible>(Event::default().data("first"))]);
        let events = futures_util::StreamExt::chain(one, stream::pending());
        Sse::new(KeepAlive::new(events).every(Duration::from_millis(2)).text("still here"))
    };
    let server = future::spawn(serve(listener, Router::new().route("/", get(events))).into_future());
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
    let mut text = String::new();
    while text.matches(": still here\n").count() < 3 {
        let mut buffer = [0; 1024];
        let length = client.read(&mut buffer).unwrap();
        assert_ne!(length, 0, "it ended after {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    assert!(text.contains("content-type: text/event-stream") && text.contains("data: first\n"), "{text}");
    server.cancel();
}
