//! No client can take more than it is given: of time, of memory, of connections.

#[macro_use]
mod server;

use server::{Client, Directory, Server, number, wait_until};
use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

on_each_backend! {
    a_thousand_slow_requests_are_cut_off_and_hurt_nobody
    a_large_head_is_refused_and_the_refusal_arrives
    a_head_as_large_as_allowed_is_served
    a_refusal_arrives_while_a_body_is_being_sent
    a_connection_that_says_nothing_is_closed
    an_idle_connection_is_closed_and_a_busy_one_is_not
    a_client_that_takes_nothing_is_cut_off
    connections_beyond_the_limit_wait_for_a_place
}

const SLOW: usize = 1000;

fn serve(backend: &str, options: &[&str]) -> Server {
    let directory = Directory::new();
    directory.write("a.txt", "text");
    std::fs::File::create(directory.path("big")).unwrap().set_len(256 << 20).unwrap();
    Server::start_with(backend, directory, options)
}

fn given_up(server: &Server, reason: &str) -> u64 {
    server.metric(&format!("fibra_http_connections_given_up_total{{reason=\"{reason}\"}}"))
}

/// Sends each client's next byte, over and over, to those that are still there.
fn dribble(clients: &mut Vec<Client>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) && !clients.is_empty() {
        clients.retain_mut(|client| client.stream.get_mut().write_all(b"x").is_ok());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn a_thousand_slow_requests_are_cut_off_and_hurt_nobody(backend: &str) {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let server = serve(backend, &["--header-timeout", "10s", "--quiet"]);
    let mut bystander = server.connect();
    assert_eq!(bystander.get("/a.txt").text(), "text");
    let before = server.memory();
    let mut slow: Vec<_> = (0..SLOW).map(|_| server.connect()).collect();
    for client in &mut slow {
        client.send("GET /a.txt HTTP/1.1\r\nHost: test\r\nX-Slow: ");
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let dribbling = scope.spawn(|| {
            dribble(&mut slow, &stop);
            slow.len()
        });
        for _ in 0..200 {
            assert_eq!(bystander.get("/a.txt").text(), "text");
            assert_eq!(server.get("/a.txt").text(), "text");
        }
        wait_until("all slow connections were open", || {
            given_up(&server, "slow_request") > 0
                || server.metric("fibra_http_connections_open") > SLOW as u64
        });
        let kilobytes = server.memory() - before;
        assert!(kilobytes < SLOW as u64 * 48, "{kilobytes} KiB for {SLOW} connections");
        wait_until("they are given up", || given_up(&server, "slow_request") == SLOW as u64);
        wait_until("they are closed", || server.metric("fibra_http_connections_open") == 2);
        wait_until("they notice", || dribbling.is_finished());
        stop.store(true, Ordering::Relaxed);
        assert_eq!(dribbling.join().unwrap(), 0);
    });
    assert_eq!(bystander.get("/a.txt").text(), "text");
}

fn a_large_head_is_refused_and_the_refusal_arrives(backend: &str) {
    let server = serve(backend, &[]);
    for head in [
        format!("GET / HTTP/1.1\r\nHost: test\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)),
        format!("GET / HTTP/1.1\r\nHost: test\r\n{}\r\n", "X: y\r\n".repeat(200_000)),
        format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", "x".repeat(1 << 20)),
    ] {
        let mut client = server.connect();
        // All of it, although the server has long read enough: it must not reset the connection meanwhile, or the client
        // would never see why.
        client.send(&head);
        let response = client.response_head();
        assert!([414, 431].contains(&response.status), "{} for {:.40}", response.status, head);
        assert!(client.is_closed());
    }
    assert_eq!(server.get("/a.txt").text(), "text");
}

fn a_head_as_large_as_allowed_is_served(backend: &str) {
    let server = serve(backend, &["--max-header-size", "200000"]);
    let header = |len: usize| format!("X: {}", "x".repeat(len));
    assert_eq!(server.connect().get_with("/a.txt", &[&header(199_000)]).text(), "text");
    let mut client = server.connect();
    client.request("GET", "/a.txt", &[&header(201_000)]);
    assert_eq!(client.response_head().status, 431);
    let server = serve(backend, &["--max-header-size", "8192"]);
    assert_eq!(server.connect().get_with("/a.txt", &[&header(8000)]).text(), "text");
    let mut client = server.connect();
    client.request("GET", "/a.txt", &[&header(8200)]);
    assert_eq!(client.response_head().status, 431);
}

fn a_refusal_arrives_while_a_body_is_being_sent(backend: &str) {
    let server = serve(backend, &[]);
    let mut client = server.connect();
    let body = vec![b'x'; 4 << 20];
    client.request("POST", "/a.txt", &[&format!("Content-Length: {}", body.len())]);
    client.send(&body);
    assert_eq!(client.response_head().status, 405);
}

fn a_connection_that_says_nothing_is_closed(backend: &str) {
    let server = serve(backend, &["--header-timeout", "1s"]);
    let mut silent = server.connect();
    let mut halting = server.connect();
    halting.send("GET / HT");
    assert!(silent.is_closed() && halting.is_closed());
    assert_eq!(given_up(&server, "slow_request"), 2);
    wait_until("the log says so", || {
        server.stdout().matches("cut off: no request has come in time").count() == 2
    });
}

fn an_idle_connection_is_closed_and_a_busy_one_is_not(backend: &str) {
    let server = serve(backend, &["--idle-timeout", "2s", "--header-timeout", "1h"]);
    let mut idle = server.connect();
    assert_eq!(idle.get("/a.txt").text(), "text");
    let mut busy = server.connect();
    let mut has_closed = false;
    // For twice as long as a connection may be idle.
    for _ in 0..40 {
        assert_eq!(busy.get("/a.txt").text(), "text");
        idle.stream.get_ref().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        has_closed |= matches!(idle.stream.get_mut().read(&mut [0]), Ok(0));
    }
    idle.stream.get_ref().set_read_timeout(Some(server::PATIENCE)).unwrap();
    assert!(has_closed || idle.is_closed());
    // That is no fault of the client's.
    assert_eq!(given_up(&server, "slow_request"), 0);
    assert!(!server.stdout().contains("cut off"), "{}", server.stdout());
}

fn a_client_that_takes_nothing_is_cut_off(backend: &str) {
    let server = serve(backend, &["--write-timeout", "1s"]);
    let mut client = server.connect();
    client.request("GET", "/big", &[]);
    assert_eq!(client.response_head().status, 200);
    wait_until("it is given up", || given_up(&server, "slow_reader") == 1);
    wait_until("the log says so", || server.stdout().contains("cut off: the response is not read"));
    let mut rest = Vec::new();
    let end = client.stream.read_to_end(&mut rest);
    let is_reset = end.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
    assert!(is_reset || server::is_a_reset_an_end(), "{end:?}");
    assert!(rest.len() < 256 << 20);
}

fn connections_beyond_the_limit_wait_for_a_place(backend: &str) {
    let server = serve(backend, &["--max-connections", "3"]);
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/a.txt").text(), "text");
    }
    let mut waiting = server.connect();
    waiting.request("GET", "/a.txt", &[]);
    wait_until("the server says that it is full", || {
        server.stderr().contains("3 connections are open, more have to wait (see --max-connections)")
    });
    waiting.stream.get_ref().set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let early = waiting.stream.get_ref().peek(&mut [0]);
    assert!(early.is_err_and(|error| [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind())));
    waiting.stream.get_ref().set_read_timeout(Some(server::PATIENCE)).unwrap();
    assert_eq!(clients[1].get("/a.txt").text(), "text");
    clients.remove(0);
    assert_eq!(waiting.response().text(), "text");
    // Once with the first three, and once with the one that had waited, at least. By a connection that is there: a new one has no place.
    let pauses = "fibra_http_accept_pauses_total{reason=\"limit\"}";
    wait_until("it is full once more", || number(&clients[0].get("/_fibra/metrics").text(), pauses) >= 2);
}
