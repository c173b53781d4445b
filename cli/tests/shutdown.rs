//! Who asks the server to end, by a signal or by Ctrl+C, sees it end in an orderly way, and who asks twice, at once.
//!
//! `signals.rs` has what only signals say.

#[macro_use]
mod server;

use server::{Directory, Server, is_cut_short, noise, wait_until};
use std::io::Read;
use std::net::TcpStream;

on_each_backend! {
    an_idle_server_ends_with_status_0
    a_download_that_is_under_way_finishes
    idle_connections_are_closed_and_new_ones_refused
    a_client_that_does_not_read_is_cut_off_in_the_end
    a_second_request_ends_at_once
}

fn an_idle_server_ends_with_status_0(backend: &str) {
    let mut server = Server::start(backend, Directory::new());
    server.ask_to_end();
    assert_eq!(server.end().code(), Some(0));
}

/// A server with a download that has begun and that the client's and server's sockets can't hold.
fn begin_download(backend: &str, options: &[&str]) -> (Server, server::Client, Vec<u8>) {
    let (directory, content) = big_file();
    let server = Server::start_with(backend, directory, options);
    let client = begin_download_from(&server);
    (server, client, content)
}

fn big_file() -> (Directory, Vec<u8>) {
    let directory = Directory::new();
    let content = noise(32 << 20);
    directory.write("big", &content);
    (directory, content)
}

fn begin_download_from(server: &Server) -> server::Client {
    let mut client = server.connect();
    client.request("GET", "/big", &[]);
    assert_eq!(client.response_head().status, 200);
    client
}

fn refuses(server: &Server) -> bool {
    TcpStream::connect(server.address).is_err()
}

fn a_download_that_is_under_way_finishes(backend: &str) {
    let (mut server, mut client, content) = begin_download(backend, &[]);
    server.ask_to_end();
    wait_until("new connections are refused", || refuses(&server));
    let mut received = Vec::new();
    client.stream.read_to_end(&mut received).unwrap();
    assert!(received == content, "{} of {} bytes", received.len(), content.len());
    assert_eq!(server.end().code(), Some(0));
    assert_eq!(server.stderr(), "");
}

fn idle_connections_are_closed_and_new_ones_refused(backend: &str) {
    let (mut server, mut busy, content) = begin_download(backend, &[]);
    let mut idle = server.connect();
    assert_eq!(idle.get("/none").status, 404);
    let mut silent = server.connect();
    // A round trip after it: it has been accepted by now.
    assert_eq!(server.get("/none").status, 404);
    server.ask_to_end();
    assert!(idle.is_closed());
    assert!(silent.is_closed());
    wait_until("new connections are refused", || refuses(&server));
    let mut rest = Vec::new();
    busy.stream.read_to_end(&mut rest).unwrap();
    assert!(rest == content, "the refusals came from the end of the process");
    assert_eq!(server.end().code(), Some(0));
    // Nor were they closed by the end of the grace period.
    assert_eq!(server.stderr(), "");
}

fn a_client_that_does_not_read_is_cut_off_in_the_end(backend: &str) {
    let (mut server, client, _) = begin_download(backend, &["--grace", "1s"]);
    server.ask_to_end();
    assert_eq!(server.end().code(), Some(0));
    wait_until("it says so", || server.stderr().contains("1 connection was cut off"));
    drop(client);
}

fn a_second_request_ends_at_once(backend: &str) {
    let (mut server, client, _) = begin_download(backend, &[]);
    server.ask_to_end();
    wait_until("the shutdown has begun", || refuses(&server));
    server.ask_to_end();
    let status = server.end();
    assert!(is_cut_short(status), "{status}");
    drop(client);
}
