//! The example `proxy`, with a thousand clients on two workers: each request that it takes is answered, also if it stops in the
//! middle.

#[path = "support/certificate.rs"]
mod certificate;
#[path = "support/curl.rs"]
mod curl;
#[cfg(unix)]
#[path = "support/descriptors_of_unix.rs"]
mod descriptors;
#[cfg(windows)]
#[path = "support/descriptors_of_windows.rs"]
mod descriptors;
#[path = "support/deserted.rs"]
mod deserted;
#[path = "../examples/proxy.rs"]
mod proxy;

#[cfg(unix)]
#[path = "support/system_of_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "support/system_of_windows.rs"]
mod system;

use deserted::Deserted;
use fibra::{
    Builder,
    future::{self, JoinHandle},
    hyper::{Executor, Timer},
    io::Foreign,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::oneshot,
    time,
};
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
    service::service_fn,
};
use proxy::{Counts, Proxy};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, ServerName},
};
use std::{io, sync::Arc, time::Duration};
use tokio_rustls::TlsConnector;

/// In Wine, a server of one thread is asked for each of their operations.
fn clients_at_once() -> usize {
    if system::is_wine() { 200 } else { 1000 }
}

/// Long enough for any machine: only what never ends is cut off.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server behind: the body comes back, after whose it is.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let header = |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap_or(""));
    let mut text =
        format!("{} for {} by {}: ", request.uri(), header("x-forwarded-for"), header("x-forwarded-proto"));
    assert!(request.headers().get("x-hop").is_none(), "it was meant for the proxy alone");
    let body = request.into_body().collect().await?.to_bytes();
    text.push_str(&String::from_utf8_lossy(&body));
    Ok(Response::new(Full::from(text)))
}

fn server_behind() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    drop(future::spawn(async move {
        while let Ok((stream, _)) = listener.accept_async().await {
            let mut http = hyper::server::conn::http1::Builder::new();
            let connection = http.timer(Timer).serve_connection(stream, service_fn(answer));
            drop(future::spawn(connection));
        }
    }));
    address
}

/// A proxy that runs, and what stops it.
struct Running {
    proxy: Arc<Proxy>,
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    pem: String,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<usize>,
}

impl Running {
    fn start(upstream: SocketAddr, grace: Duration) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let address = listener.local_addr().expect("it is bound");
        let made = certificate::for_localhost();
        let certificate = made.certificate.der().clone();
        let tls = proxy::tls(vec![certificate.clone()], made.key).expect("they belong together");
        let proxy = Arc::new(Proxy::new(upstream));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = Arc::clone(&proxy);
        let ended = future::spawn(async move {
            let stop = async { _ = stopped.await };
            serving.serve(listener, tls, stop, grace).await
        });
        Running { proxy, address, certificate, pem: made.certificate.pem(), stop, ended }
    }

    fn client(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        certificate::client(self.certificate.clone(), protocols)
    }
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    async fn connect(address: SocketAddr, config: Arc<ClientConfig>) -> Result<Sender, io::Error> {
        let stream = TcpStream::connect_async(address).await?;
        let name = ServerName::try_from("localhost").expect("it is a name");
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = Foreign::tokio(stream);
        if is_http2 {
            let (sender, connection) = http2::handshake(Executor, stream).await.map_err(io::Error::other)?;
            drop(future::spawn(connection));
            return Ok(Sender::Http2(sender));
        }
        let (sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
        drop(future::spawn(connection));
        Ok(Sender::Http1(sender))
    }

    async fn post(&mut self, path: &str, text: String) -> hyper::Result<(u16, String)> {
        let request = Request::post(format!("https://localhost{path}"))
            .header("host", "localhost")
            .body(Full::from(text))
            .expect("it is valid");
        let response = match self {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        let status = response.status().as_u16();
        let content = response.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&content).into_owned()))
    }
}

/// Asks until it is refused; returns how often it was answered.
async fn ask(mut sender: Sender, number: usize) -> usize {
    for round in 0.. {
        let Ok((status, text)) = sender.post("/echo?x", format!("{number} {round}")).await else {
            return round;
        };
        assert_eq!(status, 200, "{text}");
        assert_eq!(text, format!("/echo?x for 127.0.0.1 by https: {number} {round}"));
        // A thousand of them are not in a hurry.
        time::sleep(Duration::from_millis(20)).await;
    }
    unreachable!("it is refused in the end")
}

#[test]
fn a_thousand_clients_are_answered_until_the_proxy_stops() {
    descriptors::allow(8192);
    Builder::new().workers(2).run(|| {
        fibra::wait(async {
            let Running { proxy, address, certificate, stop, ended, .. } =
                Running::start(server_behind(), PATIENCE);
            let configs =
                [["h2"], ["http/1.1"]].map(|protocol| certificate::client(certificate.clone(), &protocol));
            let connecting = (0..clients_at_once()).map(|number| {
                future::spawn(Sender::connect(address, Arc::clone(&configs[number % configs.len()])))
            });
            let clients: Vec<_> = join_all(connecting)
                .await
                .into_iter()
                .enumerate()
                .map(|(number, sender)| {
                    let sender = sender.expect("no panic").expect("it is taken in");
                    future::spawn(ask(sender, number))
                })
                .collect();
            while proxy.counts().accepted < 3 * clients_at_once() {
                time::sleep(Duration::from_millis(1)).await;
            }
            stop.send(()).unwrap();
            assert_eq!(ended.await.unwrap(), 0, "nobody had to be cut off");
            let answers: usize =
                join_all(clients).await.into_iter().map(|asked| asked.expect("it is content")).sum();
            let Counts { accepted, answered, failed } = proxy.counts();
            assert_eq!((accepted, failed), (answered, 0));
            assert_eq!(answers, answered, "what was answered has arrived");
            // The socket is closed when the kernel has given up the last accept.
            while TcpStream::connect_async(address).await.is_ok() {
                time::sleep(Duration::from_millis(1)).await;
            }
        });
    });
}

#[fibra::test]
async fn a_server_behind_that_is_away_is_reported() {
    let nobody = Deserted::new();
    let running = Running::start(nobody.address(), PATIENCE);
    for protocol in ["h2", "http/1.1"] {
        let mut sender = Sender::connect(running.address, running.client(&[protocol])).await.unwrap();
        let (status, text) = sender.post("/", String::new()).await.unwrap();
        assert_eq!(status, 502);
        assert!(text.contains("refused"), "{text}");
    }
    assert_eq!(running.proxy.counts(), Counts { accepted: 2, answered: 0, failed: 2 });
    running.stop.send(()).unwrap();
    assert_eq!(running.ended.await.unwrap(), 0);
}

/// A request that the server behind may have seen is not sent a second time: the client decides. One that it can't have seen is.
#[fibra::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced_or_reported() {
    // Each connection to the server behind takes one request, and says nothing of that.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = listener.local_addr().unwrap();
    drop(future::spawn(async move {
        while let Ok((stream, _)) = listener.accept_async().await {
            drop(future::spawn(one_answer(stream)));
        }
    }));
    let running = Running::start(upstream, PATIENCE);
    let mut sender = Sender::connect(running.address, running.client(&["h2"])).await.unwrap();
    let mut failed = 0;
    for round in 0..20 {
        match sender.post("/", String::new()).await.unwrap() {
            (200, text) => assert_eq!(text, "once"),
            (502, _) if round > 0 => failed += 1,
            other => panic!("round {round}: {other:?}"),
        }
    }
    assert_eq!(running.proxy.counts(), Counts { accepted: 20, answered: 20 - failed, failed });
    running.stop.send(()).unwrap();
    running.ended.await.unwrap();
}

async fn one_answer(stream: TcpStream) -> io::Result<()> {
    let (read, _) = stream.read_async(vec![0; 4096]).await;
    read?;
    let (written, _) = stream.write_all_async("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nonce").await;
    written
}

/// A request that is never answered by the server behind: its connection is cut off when the grace is over, and reported.
#[fibra::test]
async fn who_waits_too_long_is_cut_off() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let running = Running::start(silent.local_addr().unwrap(), Duration::from_millis(5));
    let mut sender = Sender::connect(running.address, running.client(&["http/1.1"])).await.unwrap();
    let asked = future::spawn(async move { sender.post("/", String::new()).await });
    let (_connection, _) = silent.accept_async().await.unwrap();
    running.stop.send(()).unwrap();
    assert_eq!(running.ended.await.unwrap(), 1);
    asked.await.unwrap().unwrap_err();
}

#[fibra::test]
fn curl_gets_both_versions_of_http() {
    if system::is_wine() {
        println!("Wine has no curl");
        return;
    }
    let running = Running::start(server_behind(), PATIENCE);
    let port = running.address.port();
    let file = std::env::temp_dir().join(format!("fibra-proxy-{}-{port}.pem", std::process::id()));
    std::fs::write(&file, &running.pem).unwrap();
    let post = |version: &str, more: &[&str]| {
        let resolve = format!("localhost:{port}:127.0.0.1");
        let url = format!("https://localhost:{port}/tea");
        let mut arguments = vec![version, "--cacert", file.to_str().unwrap(), "--resolve", &resolve];
        arguments.extend(["--data", "milk", "--write-out", " %{http_version} %{http_code}"]);
        arguments.extend(more);
        arguments.push(&url);
        curl::curl(&arguments)
    };
    let answer = |version| (format!("/tea for 127.0.0.1 by https: milk {version} 200"), 0);
    assert_eq!(post("--http2", &[]), answer("2"));
    assert_eq!(post("--http1.1", &["--header", "Connection: x-hop", "--header", "x-hop: 1"]), answer("1.1"));
    std::fs::remove_file(&file).unwrap();
    running.stop.send(()).unwrap();
    assert_eq!(fibra::wait(running.ended).unwrap(), 0);
}
