//! A client that takes little of a response, but takes it, is waited for.
//!
//! Linux alone can be kept from buffering megabytes, and freeing them in steps that take longer than anybody is waited for.
#![cfg(target_os = "linux")]

#[macro_use]
mod server;

use server::{Directory, Server};
use std::io::Read;
use std::time::Duration;

on_each_backend! {
    a_client_that_takes_little_is_not_cut_off
}

fn a_client_that_takes_little_is_not_cut_off(backend: &str) {
    let directory = Directory::new();
    std::fs::File::create(directory.path("big")).unwrap().set_len(256 << 20).unwrap();
    let server = Server::start_with(backend, directory, &["--write-timeout", "4s"]);
    let mut client = server.connect();
    client.request("GET", "/big", &[]);
    assert_eq!(client.response_head().status, 200);
    // For longer than the limit, and in a limit's time less than the half of what the system would like to buffer for it.
    let mut part = vec![1; 64 * 1024];
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(400));
        client.stream.read_exact(&mut part).unwrap();
    }
    assert_eq!(server.metric("fibra_http_connections_given_up_total{reason=\"slow_reader\"}"), 0);
}
