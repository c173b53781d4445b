//! HTTP/2 on fibra, server and client: many requests share a connection, its ends are seen, and its clocks are fibra's.

use bytes::Bytes;
use fibra::{
    future::{self, JoinHandle},
    hyper::{Executor, Timer},
    net::{TcpListener, TcpStream},
    time,
};
use http_body_util::{BodyExt, Empty, Full};
use hyper::{
    Request, Response, body::Incoming, client::conn::http2 as client, server::conn::http2 as server,
    service::service_fn,
};
use std::{
    convert::Infallible,
    future::poll_fn,
    io::{ErrorKind, Write},
    pin::pin,
    time::Duration,
};

const BIG: usize = 4 << 20;

fn body(len: usize) -> Bytes {
    (0..len).map(|place| (place / 251) as u8 ^ place as u8).collect()
}

/// The body comes back, after as many milliseconds as the path says.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let pause = request.uri().path()[1..].parse().unwrap_or(0);
    time::sleep(Duration::from_millis(pause)).await;
    Ok(Response::new(Full::new(request.into_body().collect().await?.to_bytes())))
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let client = TcpStream::connect_async(listener.local_addr().expect("it is bound")).await;
    let (server, _) = listener.accept_async().await.expect("there is one");
    (client.expect("it listens"), server)
}

type Sender = client::SendRequest<Full<Bytes>>;

/// A client and its server; tasks run both connections.
async fn connected() -> (Sender, JoinHandle<hyper::Result<()>>, JoinHandle<hyper::Result<()>>) {
    let (near, far) = pair().await;
    let http = server::Builder::new(Executor).timer(Timer).serve_connection(far, service_fn(echo));
    let server = future::spawn(http);
    let (sender, connection) =
        client::Builder::new(Executor).timer(Timer).handshake(near).await.expect("it is HTTP/2");
    (sender, future::spawn(connection), server)
}

async fn post(mut sender: Sender, path: &str, content: Bytes) -> hyper::Result<Bytes> {
    let request = Request::post(format!("http://here{path}")).body(Full::new(content)).expect("it is valid");
    sender.ready().await?;
    Ok(sender.send_request(request).await?.into_body().collect().await?.to_bytes())
}

#[fibra::test]
async fn big_bodies_share_a_connection_with_small_ones() {
    let (sender, connection, server) = connected().await;
    let requests: Vec<_> = (0..20)
        .map(|number| {
            let content = body(if number % 5 == 0 { BIG } else { number * 100 });
            let answer = post(sender.clone(), "/", content.clone());
            future::spawn(async move { assert!(answer.await.expect("it is answered") == content) })
        })
        .collect();
    for request in requests {
        request.await.unwrap();
    }
    drop(sender);
    connection.await.unwrap().unwrap();
    server.await.unwrap().unwrap();
}

#[fibra::test]
async fn answers_overtake_each_other() {
    let (sender, _connection, _server) = connected().await;
    let slow = future::spawn(post(sender.clone(), "/3600000", Bytes::new()));
    for _ in 0..20 {
        post(sender.clone(), "/0", Bytes::new()).await.unwrap();
    }
    assert!(!slow.is_finished());
    slow.cancel();
}

#[fibra::test]
async fn a_graceful_end_answers_what_has_come_and_takes_no_more() {
    let (near, far) = pair().await;
    let (stop, mut stopped) = fibra::sync::oneshot::channel();
    let server = future::spawn(async move {
        let http = server::Builder::new(Executor).timer(Timer).serve_connection(far, service_fn(echo));
        let mut http = pin!(http);
        let mut is_stopping = false;
        poll_fn(|context| {
            if !is_stopping && pin!(&mut stopped).poll(context).is_ready() {
                is_stopping = true;
                http.as_mut().graceful_shutdown();
            }
            http.as_mut().poll(context)
        })
        .await
    });
    let (sender, connection) =
        client::Builder::new(Executor).timer(Timer).handshake(near).await.expect("it is HTTP/2");
    let connection = future::spawn(connection);
    post(sender.clone(), "/0", Bytes::new()).await.unwrap();
    let under_way = future::spawn(post(sender.clone(), "/50", body(1000)));
    time::sleep(Duration::from_millis(10)).await;
    stop.send(()).unwrap();
    assert!(under_way.await.unwrap().unwrap() == body(1000), "what had come is answered");
    server.await.unwrap().unwrap();
    connection.await.unwrap().unwrap();
    post(sender, "/0", Bytes::new()).await.unwrap_err();
}

/// The pings are sent, and their answers waited for, by fibra's timers.
#[fibra::test]
async fn a_peer_that_is_silent_is_given_up() {
    let (near, mut far) = pair().await;
    let mut http = client::Builder::new(Executor);
    http.timer(Timer)
        .keep_alive_interval(Duration::from_millis(5))
        .keep_alive_timeout(Duration::from_millis(5))
        .keep_alive_while_idle(true);
    let (sender, connection) = http.handshake::<_, Full<Bytes>>(near).await.unwrap();
    // A server that has greeted, and then says no more.
    let silent = fibra::thread::spawn(move || {
        far.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])?;
        std::io::copy(&mut far, &mut std::io::sink())
    });
    // Which of its two halves hears of the time-out first, and whether that is an error, is hyper's business.
    _ = connection.await;
    post(sender, "/0", Bytes::new()).await.unwrap_err();
    // On a machine so slow that the greeting wasn't read in time, the connection is broken off.
    let end = silent.join().unwrap();
    assert!(
        end.as_ref().is_ok() || end.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset),
        "{end:?}"
    );
}

#[fibra::test]
async fn a_server_gives_up_a_client_that_is_silent() {
    let (mut near, far) = pair().await;
    let mut http = server::Builder::new(Executor);
    http.timer(Timer)
        .keep_alive_interval(Duration::from_millis(5))
        .keep_alive_timeout(Duration::from_millis(5));
    let server = future::spawn(http.serve_connection(far, service_fn(echo)));
    near.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let error = server.await.unwrap().unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[fibra::test]
async fn a_request_that_is_dropped_ends_alone() {
    let (sender, connection, server) = connected().await;
    for round in 0..50_u64 {
        let given_up = post(sender.clone(), "/3600000", body(10_000));
        let late = time::timeout_async(Duration::from_micros(round * 50), given_up).await;
        assert!(late.is_err());
    }
    assert!(post(sender.clone(), "/0", body(100_000)).await.unwrap() == body(100_000));
    drop(sender);
    connection.await.unwrap().unwrap();
    server.await.unwrap().unwrap();
}

#[fibra::test]
async fn a_handler_that_panics_ends_its_request_alone() {
    let (near, far) = pair().await;
    let answer = service_fn(async |request: Request<Incoming>| {
        assert_eq!(request.uri().path(), "/well");
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let server = future::spawn(server::Builder::new(Executor).serve_connection(far, answer));
    let (sender, connection) = client::handshake(Executor, near).await.unwrap();
    drop(future::spawn(connection));
    post(sender.clone(), "/badly", Bytes::new()).await.unwrap_err();
    post(sender.clone(), "/well", Bytes::new()).await.unwrap();
    drop(server);
}
