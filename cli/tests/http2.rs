//! HTTP/2 in clear text: the same answers, many at once, and the same limits.

#[macro_use]
mod server;

use server::{Client, Directory, Server, curl, noise, wait_until};
use std::io::{ErrorKind, Read, Write};

on_each_backend! {
    curl_gets_files_by_prior_knowledge
    an_upgrade_is_not_needed
    many_requests_share_a_connection
    a_large_head_is_refused
    a_head_of_a_mebibyte_ends_the_connection_at_most
    an_idle_connection_is_told_to_go
    a_window_that_stays_shut_is_cut_off
    a_connection_with_a_download_finishes_it_before_the_end
    half_a_preface_is_no_request
}

fn serve(backend: &str, options: &[&str]) -> Server {
    let directory = Directory::new();
    directory.write("a.txt", "text");
    directory.write("big", noise(8 << 20));
    Server::start_with(backend, directory, options)
}

/// One request by curl over HTTP/2: what it prints of it, and the body.
fn h2(server: &Server, path: &str, arguments: &[&str]) -> (String, Vec<u8>) {
    let url = format!("http://{}{path}", server.address);
    let shown = "%{stderr}%{http_version} %{http_code} %{size_download} %{content_type}";
    let output = curl(&[&["--http2-prior-knowledge", "--write-out", shown, &url], arguments].concat());
    assert!(output.status.success(), "{:?}", output);
    (String::from_utf8(output.stderr).unwrap(), output.stdout)
}

fn curl_gets_files_by_prior_knowledge(backend: &str) {
    let server = serve(backend, &[]);
    let content = std::fs::read(server.directory.path("big")).unwrap();
    assert_eq!(h2(&server, "/a.txt", &[]), ("2 200 4 text/plain; charset=utf-8".into(), b"text".into()));
    let (shown, body) = h2(&server, "/big", &[]);
    assert_eq!(shown, "2 200 8388608 application/octet-stream");
    assert!(body == content);
    assert!(h2(&server, "/big", &["--range", "1000-200000"]).1 == content[1000..=200_000]);
    assert!(h2(&server, "/none", &[]).0.starts_with("2 404 "));
    assert!(h2(&server, "/a.txt", &["--head"]).0.starts_with("2 200 0 "));
    assert!(h2(&server, "/a.txt", &["--request", "POST"]).0.starts_with("2 405 "));
    assert!(h2(&server, "/a.txt", &["-H", "If-None-Match: *"]).0.starts_with("2 304 0 "));
    assert!(server.stdout().contains(" GET /a.txt 200 4 "), "{}", server.stdout());
}

fn an_upgrade_is_not_needed(backend: &str) {
    let server = serve(backend, &[]);
    // curl offers an upgrade; HTTP/1.1 is as good.
    let url = format!("http://{}/a.txt", server.address);
    let output = curl(&["--http2", "--write-out", "%{stderr}%{http_version} %{http_code}", &url]);
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"text"[..], &b"1.1 200"[..]));
}

fn many_requests_share_a_connection(backend: &str) {
    let server = serve(backend, &[]);
    let mut frames = Frames::connect(&server, 65535);
    // More than may be under way at once, were the first ones not over by then.
    for round in 0..10 {
        for number in 0..100 {
            frames.get((round * 100 + number) * 2 + 1, if number % 10 == 0 { "/none" } else { "/a.txt" });
        }
        let mut lens = Vec::new();
        while lens.len() < 100 {
            let (kind, len) = frames.next().unwrap();
            lens.extend((kind == DATA).then_some(len));
        }
        assert_eq!(lens.iter().filter(|&&len| len == 4).count(), 90);
    }
    assert_eq!(server.metric("fibra_http_requests_total{status=\"4xx\"}"), 100);
    assert_eq!(server.metric("fibra_http_connections_accepted_total"), 3);
}

fn a_large_head_is_refused(backend: &str) {
    let server = serve(backend, &["--max-header-size", "20000"]);
    for (len, status) in [(15_000, "2 200 "), (30_000, "2 431 ")] {
        let (shown, _) = h2(&server, "/a.txt", &["-H", &format!("X: {}", "x".repeat(len))]);
        assert!(shown.starts_with(status), "{len}: {shown}");
    }
    assert_eq!(server.get("/a.txt").text(), "text");
}

fn a_head_of_a_mebibyte_ends_the_connection_at_most(backend: &str) {
    let server = serve(backend, &[]);
    let before = server.memory();
    let mut frames = Frames::connect(&server, 65535);
    // A literal header `x`, whose value is as long as seven bits and then seven more at a time say.
    let head = b"\x82\x86\x04\x06/a.txt\x01\x04test\0\x01x\x7f\x81\xff\x3f";
    let end_stream = 0x1;
    frames.send(HEADERS, end_stream, 1, head);
    for _ in 0..64 {
        frames.send(CONTINUATION, 0, 1, &[b'x'; 16384]);
    }
    let end_headers = 0x4;
    frames.send(CONTINUATION, end_headers, 1, &[]);
    let answer = std::iter::from_fn(|| frames.next()).find(|(kind, _)| [HEADERS, GOAWAY].contains(kind));
    assert!(answer.is_some(), "it is refused, or the connection is, but not without a word");
    assert_eq!(server.metric("fibra_http_requests_total{status=\"2xx\"}"), 0);
    assert_eq!(server.get("/a.txt").text(), "text");
    let kilobytes = server.memory() - before;
    assert!(kilobytes < 4096, "{kilobytes} KiB for one connection");
}

/// A client that speaks frames.
struct Frames(Client);

/// Types of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

impl Frames {
    /// Connects with this initial window, as the setting of it.
    fn connect(server: &Server, window: u32) -> Frames {
        let mut client = server.connect();
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut frames = Frames(client);
        let mut setting = vec![0, 4];
        setting.extend(window.to_be_bytes());
        frames.send(SETTINGS, 0, 0, &setting);
        frames
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        // The server may have ended the connection, which the next frame that isn't there shows.
        let _ = self.0.stream.get_mut().write_all(&frame);
    }

    /// `GET` and `http` by their index, path and authority as text that isn't compressed.
    fn get(&mut self, stream: u32, path: &str) {
        let mut headers = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
        headers.extend(path.as_bytes());
        headers.extend(b"\x01\x04test");
        let (end_stream, end_headers) = (0x1, 0x4);
        self.send(HEADERS, end_stream | end_headers, stream, &headers);
    }

    /// The type of the next frame, and its length; `None` at the end. What wants to be acknowledged is.
    fn next(&mut self) -> Option<(u8, usize)> {
        let mut head = [0; 9];
        if let Err(error) = self.0.stream.read_exact(&mut head) {
            let is_end = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&error.kind());
            assert!(is_end, "neither a frame nor the end: {error}");
            return None;
        }
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; len];
        self.0.stream.read_exact(&mut payload).unwrap();
        match (head[3], head[4]) {
            (SETTINGS, 0) => self.send(SETTINGS, 1, 0, &[]),
            (PING, 0) => self.send(PING, 1, 0, &payload),
            // The connection's window is never what a test is about.
            (DATA, _) if len > 0 => {
                self.send(WINDOW_UPDATE, 0, 0, &u32::try_from(len).unwrap().to_be_bytes())
            }
            _ => (),
        }
        Some((head[3], len))
    }

    fn until_end(&mut self) -> Vec<u8> {
        std::iter::from_fn(|| self.next()).map(|(kind, _)| kind).collect()
    }
}

fn an_idle_connection_is_told_to_go(backend: &str) {
    let server = serve(backend, &["--idle-timeout", "1s"]);
    let mut frames = Frames::connect(&server, 65535);
    frames.get(1, "/a.txt");
    let kinds = frames.until_end();
    assert!(kinds.contains(&HEADERS) && kinds.contains(&DATA) && kinds.contains(&GOAWAY), "{kinds:?}");
    // One that never asks for anything is no better.
    assert!(Frames::connect(&server, 65535).until_end().contains(&GOAWAY));
    wait_until("they are closed", || server.metric("fibra_http_connections_open") == 1);
}

fn a_window_that_stays_shut_is_cut_off(backend: &str) {
    let server = serve(backend, &["--write-timeout", "1s"]);
    let mut frames = Frames::connect(&server, 1);
    for stream in 0..10 {
        frames.get(stream * 2 + 1, "/big");
    }
    let kinds = frames.until_end();
    assert_eq!(kinds.iter().filter(|&&kind| kind == DATA).count(), 10, "{kinds:?}");
    assert_eq!(server.metric("fibra_http_connections_given_up_total{reason=\"slow_reader\"}"), 1);
    wait_until("the log says so", || server.stdout().matches(" cut off\n").count() == 10);
}

fn a_connection_with_a_download_finishes_it_before_the_end(backend: &str) {
    let mut server = serve(backend, &[]);
    let mut frames = Frames::connect(&server, 1000);
    frames.get(1, "/big");
    let mut received = loop {
        if let (DATA, len) = frames.next().unwrap() {
            break len;
        }
    };
    server.ask_to_end();
    wait_until("new connections are refused", || std::net::TcpStream::connect(server.address).is_err());
    let wide = 0x00ff_ffffu32.to_be_bytes();
    frames.send(WINDOW_UPDATE, 0, 1, &wide);
    frames.send(WINDOW_UPDATE, 0, 0, &wide);
    let mut has_goaway = false;
    while let Some((kind, len)) = frames.next() {
        has_goaway |= kind == GOAWAY;
        received += if kind == DATA { len } else { 0 };
    }
    assert!(has_goaway);
    assert_eq!(received, 8 << 20);
    assert_eq!((server.end().code(), server.stderr().as_str()), (Some(0), ""));
}

fn half_a_preface_is_no_request(backend: &str) {
    let server = serve(backend, &["--header-timeout", "1s"]);
    let mut half = server.connect();
    half.send("PRI * HTTP/2.0\r\n");
    assert!(half.is_closed());
    assert_eq!(server.metric("fibra_http_connections_given_up_total{reason=\"slow_request\"}"), 1);
    // And what only begins like it is HTTP/1.
    let mut client = server.connect();
    client.stream.get_mut().write_all(b"PR").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    client.send("OPFIND /a.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response().status, 405);
}
