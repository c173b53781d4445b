//! hyper runs on fibra: requests are answered, connections kept, bodies streamed both ways, and timeouts kept.

use bytes::Bytes;
use fibra::{
    hyper::{Executor, ReadAhead, Timer},
    net::{SocketAddr, TcpListener, TcpStream},
    time,
};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{
    Method, Request, Response,
    body::{Frame, Incoming},
    client,
    rt::Timer as _,
    server::conn::{http1, http2},
    service::service_fn,
};
use std::{
    convert::Infallible,
    future::poll_fn,
    io::{BufRead, BufReader, Read, Write},
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

const BIG: usize = 8 << 20;

fn body(len: usize) -> Bytes {
    (0..len).map(|place| (place / 251) as u8 ^ place as u8).collect()
}

/// `GET /n`: so many bytes. `POST /`: the body comes back. `POST /count`: its length does.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let content = match (request.method(), request.uri().path()) {
        (&Method::GET, path) => body(path[1..].parse().expect("a number")),
        (_, "/count") => {
            let mut incoming = request.into_body();
            let mut count = 0;
            while let Some(frame) = incoming.frame().await {
                count += frame?.data_ref().map_or(0, Bytes::len);
            }
            count.to_string().into()
        }
        _ => request.into_body().collect().await?.to_bytes(),
    };
    Ok(Response::new(Full::new(content)))
}

/// An HTTP/1 server for ever. Every other connection is received from ahead, the first one too.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    drop(fibra::future::spawn(async move {
        let mut served = 0;
        while let Ok((stream, _)) = listener.accept_async().await {
            served += 1;
            let mut http = http1::Builder::new();
            http.timer(Timer);
            if served % 2 == 0 {
                drop(fibra::future::spawn(http.serve_connection(stream, service_fn(answer))));
            } else {
                let stream = ReadAhead::new(stream);
                drop(fibra::future::spawn(http.serve_connection(stream, service_fn(answer))));
            }
        }
    }));
    address
}

/// Reads one response off the connection: its head, and as many bytes as that says.
fn response(reader: &mut BufReader<&TcpStream>) -> (String, Vec<u8>) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).expect("it is connected"), 0, "it ended after {head:?}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("it is said");
    let mut content = vec![0; length.parse().expect("a number")];
    reader.read_exact(&mut content).expect("it is connected");
    (head, content)
}

#[fibra::test]
fn raw_requests_are_answered_on_a_connection_that_is_kept() {
    let stream = TcpStream::connect(serve()).unwrap();
    let mut reader = BufReader::new(&stream);
    for len in [0, 5, 100_000] {
        write!(&stream, "GET /{len} HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
        let (head, content) = response(&mut reader);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(content == body(len));
    }
    // Several at once, in pieces that end anywhere.
    let requests = "GET /1 HTTP/1.1\r\nhost: here\r\n\r\n".repeat(20);
    for piece in requests.as_bytes().chunks(7) {
        (&stream).write_all(piece).unwrap();
    }
    for _ in 0..20 {
        assert_eq!(response(&mut reader).1.len(), 1);
    }
    write!(&stream, "nonsense\r\n\r\n").unwrap();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("HTTP/1.1 400"), "{rest}");
}

#[fibra::test]
fn big_bodies_go_both_ways() {
    let stream = TcpStream::connect(serve()).unwrap();
    let sent = body(BIG);
    fibra::thread::scope(|scope| {
        scope.spawn(|| {
            write!(&stream, "POST / HTTP/1.1\r\nhost: here\r\ncontent-length: {BIG}\r\n\r\n").unwrap();
            (&stream).write_all(&sent).unwrap();
        });
        let (_, content) = response(&mut BufReader::new(&stream));
        assert!(content == sent);
    });
}

#[fibra::test]
fn a_client_that_does_not_read_holds_up_nobody_else() {
    let address = serve();
    let lazy = TcpStream::connect(address).unwrap();
    write!(&lazy, "GET /{BIG} HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
    let other = TcpStream::connect(address).unwrap();
    for _ in 0..50 {
        write!(&other, "GET /10 HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
        assert!(response(&mut BufReader::new(&other)).1 == body(10));
    }
    assert!(response(&mut BufReader::new(&lazy)).1 == body(BIG));
}

#[fibra::test]
async fn hypers_client_speaks_to_hypers_server() {
    let address = serve();
    let tasks: Vec<_> = (0..16).map(|seed| fibra::future::spawn(many_requests(address, seed))).collect();
    for task in tasks {
        task.await.expect("no panic");
    }
}

async fn many_requests(address: SocketAddr, seed: usize) {
    let stream = TcpStream::connect_async(address).await.expect("it listens");
    let (mut sender, connection) = client::conn::http1::handshake(stream).await.expect("it is HTTP");
    let connection = fibra::future::spawn(connection);
    for round in 0..20 {
        let sent = body(seed * 10_000 + round);
        let request =
            Request::post("/").header("host", "here").body(Full::new(sent.clone())).expect("it is valid");
        sender.ready().await.expect("the connection is kept alive");
        let response = sender.send_request(request).await.expect("it is answered");
        let content = response.into_body().collect().await.expect("it is complete").to_bytes();
        assert!(content == sent, "request {round} of {seed}");
    }
    drop(sender);
    connection.await.expect("no panic").expect("it ended well");
}

#[fibra::test]
async fn http2_runs_on_the_executor() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = fibra::future::spawn(async move {
        let (stream, _) = listener.accept_async().await.expect("one connects");
        http2::Builder::new(Executor).timer(Timer).serve_connection(stream, service_fn(answer)).await
    });
    let stream = TcpStream::connect_async(address).await.unwrap();
    let (sender, connection) = client::conn::http2::handshake(Executor, stream).await.unwrap();
    let connection = fibra::future::spawn(connection);
    let requests: Vec<_> = (0..32)
        .map(|seed| {
            let mut sender = sender.clone();
            fibra::future::spawn(async move {
                let sent = body(seed * 5_000);
                let request =
                    Request::post("http://here/").body(Full::new(sent.clone())).expect("it is valid");
                sender.ready().await.expect("the connection is kept alive");
                let response = sender.send_request(request).await.expect("it is answered");
                assert!(response.into_body().collect().await.expect("it is complete").to_bytes() == sent);
            })
        })
        .collect();
    for request in requests {
        request.await.expect("no panic");
    }
    drop(sender);
    connection.await.unwrap().unwrap();
    server.await.unwrap().unwrap();
}

/// A body of many small pieces becomes writes of several buffers at once.
#[fibra::test]
async fn bodies_in_pieces_arrive_in_one_piece() {
    let address = serve();
    let stream = TcpStream::connect_async(address).await.unwrap();
    let (mut sender, connection) = client::conn::http1::handshake(stream).await.unwrap();
    drop(fibra::future::spawn(connection));
    let mut left = 3000;
    let pieces = StreamBody::new(Pieces(move || {
        left -= 1;
        (left >= 0).then(|| Ok::<_, Infallible>(Frame::data(body(1000))))
    }));
    let request = Request::post("/count").header("host", "here").body(pieces).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "3000000");
}

/// A stream out of a closure.
struct Pieces<F>(F);

impl<T, F: FnMut() -> Option<T> + Unpin> futures_core::Stream for Pieces<F> {
    type Item = T;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Option<T>> {
        Poll::Ready((self.0)())
    }
}

#[fibra::test]
fn a_client_that_sends_no_header_in_time_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let mut builder = http1::Builder::new();
    builder.timer(Timer).header_read_timeout(Duration::from_millis(5));
    let server = fibra::future::spawn(builder.serve_connection(stream, service_fn(answer)));
    (&client).write_all(b"GET / HT").unwrap();
    let error = fibra::wait(server).unwrap().unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[fibra::test]
async fn sleeps_are_never_early_and_can_be_moved() {
    let limit = Duration::from_millis(3);
    let start = Instant::now();
    Timer.sleep(limit).await;
    assert!(start.elapsed() >= limit);

    let mut sleep = Timer.sleep_until(Timer.now() + Duration::from_secs(3600));
    let polled = poll_fn(|context| Poll::Ready(sleep.as_mut().poll(context))).await;
    assert!(polled.is_pending());
    let place = (&raw const *sleep).cast::<u8>();
    let start = Instant::now();
    Timer.reset(&mut sleep, start + limit);
    assert_eq!((&raw const *sleep).cast::<u8>(), place, "it was moved by a new allocation");
    sleep.as_mut().await;
    assert!(start.elapsed() >= limit);
    // Also after it has ended.
    Timer.reset(&mut sleep, Instant::now() + Duration::from_secs(3600));
    let mut timeout = pin!(time::sleep(limit));
    let first = poll_fn(|context| match sleep.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready("the sleep"),
        Poll::Pending => timeout.as_mut().poll(context).map(|()| "the timeout"),
    })
    .await;
    assert_eq!(first, "the timeout");
}

/// A sleep of somebody else is replaced.
#[fibra::test]
async fn a_foreign_sleep_can_be_reset_too() {
    struct Never;
    impl hyper::rt::Sleep for Never {}
    impl Future for Never {
        type Output = ();
        fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<()> {
            Poll::Pending
        }
    }
    let mut sleep: std::pin::Pin<Box<dyn hyper::rt::Sleep>> = Box::pin(Never);
    Timer.reset(&mut sleep, Instant::now());
    sleep.await;
}
