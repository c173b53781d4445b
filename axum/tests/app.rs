//! The example `axum_app`, with a thousand clients on two workers: each request that it takes is answered, also if it stops in the
//! middle.

#[path = "../examples/axum_app.rs"]
mod axum_app;
#[path = "../../runtime/tests/support/curl.rs"]
mod curl;
#[cfg(unix)]
#[path = "../../runtime/tests/support/descriptors_of_unix.rs"]
mod descriptors;
#[cfg(windows)]
#[path = "../../runtime/tests/support/descriptors_of_windows.rs"]
mod descriptors;

#[cfg(unix)]
#[path = "../../runtime/tests/support/system_of_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "../../runtime/tests/support/system_of_windows.rs"]
mod system;

use axum::{body::Body, http::Request};
use fibra::{
    Builder, Runtime,
    future::{self, JoinHandle},
    hyper::Executor,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::oneshot,
    thread, time,
};
use fibra_axum::ws::tungstenite;
use futures_util::future::{FutureExt, join_all};
use http_body_util::BodyExt;
use hyper::client::conn::{http1, http2};
use std::{
    future::IntoFuture,
    io::{self, BufRead, BufReader, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tungstenite::{Message, protocol::frame::coding::CloseCode};

/// In Wine, a server of one thread is asked for each of their operations.
fn clients_of_a_kind() -> usize {
    if system::is_wine() { 25 } else { 250 }
}

/// Long enough for any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An application that runs, on a runtime of its own.
struct Running {
    runtime: Runtime,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<io::Result<()>>,
}

impl Running {
    fn start() -> Running {
        let runtime = Builder::new().workers(2).build().expect("it starts");
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { _ = stopped.await }.boxed().shared();
        let server = fibra_axum::serve(listener, axum_app::app(stopped.clone()))
            .with_graceful_shutdown(stopped)
            .with_grace(PATIENCE);
        let ended = runtime.spawn(server.into_future());
        Running { runtime, address, stop, ended }
    }

    /// Waits for all connections. The WebSockets' threads end with the runtime.
    fn stop(self) {
        self.stop.send(()).expect("it runs");
        fibra::wait(self.ended).expect("no panic").expect("nobody has to be broken off");
        self.runtime.shutdown(Duration::ZERO, PATIENCE).expect("nothing is left");
    }
}

/// What all clients have seen so far.
#[derive(Default)]
struct Seen {
    /// Clients that have had one answer.
    begun: AtomicUsize,
    answers: AtomicUsize,
    ticks: AtomicUsize,
    echoes: AtomicUsize,
}

impl Seen {
    fn count(&self, what: &AtomicUsize, before: usize) {
        what.fetch_add(1, Relaxed);
        self.begun.fetch_add(usize::from(before == 0), Relaxed);
    }

    /// Whether all clients are in, and there were some answers of each kind.
    fn enough(&self) -> bool {
        let counts = [&self.answers, &self.ticks, &self.echoes];
        self.begun.load(Relaxed) == 4 * clients_of_a_kind()
            && counts.into_iter().all(|count| count.load(Relaxed) >= 4 * clients_of_a_kind())
    }
}

fn numbers(count: usize) -> Request<Body> {
    let json = format!("{:?}", (1..=count).collect::<Vec<_>>());
    let request =
        Request::post("http://here/sum").header("host", "here").header("content-type", "application/json");
    request.body(Body::from(json)).expect("it is valid")
}

/// A sum is either right or not there.
fn check(count: usize, content: &[u8]) {
    let expected = format!(r#"{{"of":{count},"sum":{}}}"#, count * (count + 1) / 2);
    assert_eq!(String::from_utf8_lossy(content), expected);
}

async fn sums_by_http1(address: SocketAddr, seen: Arc<Seen>) -> hyper::Result<()> {
    let stream = TcpStream::connect_async(address).await.expect("it listens");
    let (mut sender, connection) = http1::handshake(stream).await?;
    drop(future::spawn(connection));
    for count in 0.. {
        sender.ready().await?;
        let response = sender.send_request(numbers(count)).await?;
        check(count, &response.into_body().collect().await?.to_bytes());
        seen.count(&seen.answers, count);
        time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn sums_by_http2(address: SocketAddr, seen: Arc<Seen>) -> hyper::Result<()> {
    let stream = TcpStream::connect_async(address).await.expect("it listens");
    let (mut sender, connection) = http2::handshake(Executor, stream).await?;
    drop(future::spawn(connection));
    for count in 0.. {
        sender.ready().await?;
        let response = sender.send_request(numbers(count)).await?;
        check(count, &response.into_body().collect().await?.to_bytes());
        seen.count(&seen.answers, count);
        time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Reads ticks until there are no more: none is missing.
fn ticks(address: SocketAddr, seen: &Seen) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(b"GET /clock HTTP/1.0\r\n\r\n").expect("it is read");
    let mut next = 0_usize;
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if let Some(tick) = line.strip_prefix("data: ") {
            assert_eq!(tick, next.to_string());
            seen.count(&seen.ticks, next);
            next += 1;
        }
    }
    assert!(next > 0, "there was no tick");
}

/// Sends messages until the server says goodbye.
fn echoes(address: SocketAddr, seen: &Seen) {
    let stream = TcpStream::connect(address).expect("it listens");
    let (mut socket, _) =
        tungstenite::client(format!("ws://{address}/echo"), stream).expect("it is a WebSocket");
    for round in 0_usize.. {
        _ = socket.send(Message::text(round.to_string()));
        match socket.read() {
            Ok(Message::Close(goodbye)) => {
                assert_eq!(goodbye.expect("it says why").code, CloseCode::Away);
                _ = socket.flush();
                return;
            }
            answer => assert_eq!(answer.expect("goodbye comes first"), Message::text(round.to_string())),
        }
        seen.count(&seen.echoes, round);
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_thousand_clients_of_four_kinds_are_served_until_it_stops() {
    descriptors::allow(4096);
    let running = Running::start();
    let address = running.address;
    let seen = Arc::new(Seen::default());
    let watched = Arc::clone(&seen);
    // The clients have a runtime of their own, so that nothing that the server does to its own ends them.
    let clients = Builder::new().workers(2).build().expect("it starts");
    let all = clients.spawn(async move {
        let direct = |client: fn(SocketAddr, &Seen)| {
            let seen = Arc::clone(&seen);
            thread::spawn(move || client(address, &seen))
        };
        let mut threads = Vec::new();
        let mut tasks = Vec::new();
        for _ in 0..clients_of_a_kind() {
            threads.push(direct(ticks));
            threads.push(direct(echoes));
            tasks.push(future::spawn(sums_by_http1(address, Arc::clone(&seen))));
            tasks.push(future::spawn(sums_by_http2(address, Arc::clone(&seen))));
        }
        for thread in threads {
            thread.await.expect("it is content");
        }
        for task in join_all(tasks).await {
            task.expect("it is content").expect_err("it ends by being refused");
        }
    });
    while !watched.enough() && !all.is_finished() {
        std::thread::sleep(Duration::from_millis(1));
    }
    running.stop();
    fibra::wait(all).expect("all clients are content");
    clients.shutdown(Duration::ZERO, PATIENCE).expect("nothing is left");
}

#[test]
fn curl_is_served() {
    if system::is_wine() {
        println!("Wine has no curl");
        return;
    }
    let running = Running::start();
    let address = running.address;
    let post = |path: &str, body: &str| {
        let json = ["--header", "content-type: application/json", "--data", body];
        curl::curl(
            &[&json[..], &["--write-out", " %{http_code}", &format!("http://{address}{path}")]].concat(),
        )
    };
    assert_eq!(post("/sum", "[1, 2, 3]"), (r#"{"of":3,"sum":6} 200"#.into(), 0));
    assert!(post("/sum", "[1, 2").0.ends_with(" 400"));
    assert!(post("/sum", r#"["one"]"#).0.ends_with(" 422"));
    assert!(post("/nowhere", "").0.ends_with(" 404"));
    let get = |arguments: &[&str], path: &str| {
        curl::curl(&[arguments, &[&format!("http://{address}{path}")]].concat())
    };
    assert!(get(&["--http2-prior-knowledge"], "/me").0.starts_with("127.0.0.1:"));
    // Ends by curl's own limit, which is status 28.
    let (clock, status) = get(&["--no-buffer", "--max-time", "2"], "/clock");
    assert_eq!(status, 28);
    assert!(clock.contains("event: tick\ndata: 0\n\n") && clock.contains("data: 1\n"), "{clock}");
    assert!(get(&["--include"], "/echo").0.starts_with("HTTP/1.1 426"));
    running.stop();
}
