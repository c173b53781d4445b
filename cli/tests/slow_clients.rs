//! A client that stops reading costs two chunks, and nobody else notices it.

#[macro_use]
mod server;

use server::{Directory, Server, noise};
use std::fs;
use std::io::Read;

on_each_backend! {
    others_are_served_while_many_clients_do_not_read
    a_client_that_goes_away_is_forgotten
}

const SLOW: usize = 128;

fn others_are_served_while_many_clients_do_not_read(backend: &str) {
    let directory = Directory::new();
    let content = noise(24 << 20);
    directory.write("big", &content);
    directory.write("small", "small");
    let server = Server::start(backend, directory);
    let mut slow: Vec<_> = (0..SLOW).map(|_| server.connect()).collect();
    for client in &mut slow {
        client.request("GET", "/big", &[]);
        assert_eq!(client.response_head().status, 200);
    }
    let mut other = server.connect();
    for _ in 0..100 {
        assert_eq!(other.get("/small").text(), "small");
    }
    assert!(other.get("/big").body == content);
    // Two chunks of 128 KiB each, twice over for what an allocator keeps, and the process itself: far from the 3 GiB
    // that are being downloaded.
    let kilobytes = server.memory();
    assert!(kilobytes < 64 * 1024 + SLOW as u64 * 512, "{kilobytes} KiB for {SLOW} slow clients");
    // And those that read again get all of it.
    let mut received = vec![0; content.len()];
    slow[SLOW / 2].stream.read_exact(&mut received).unwrap();
    assert!(received == content);
}

fn a_client_that_goes_away_is_forgotten(backend: &str) {
    let directory = Directory::new();
    fs::File::create(directory.path("big")).unwrap().set_len(256 << 20).unwrap();
    let server = Server::start(backend, directory);
    assert_eq!(server.get("/none").status, 404);
    let before = server.descriptors();
    for _ in 0..20 {
        let mut client = server.connect();
        client.request("GET", "/big", &[]);
        assert_eq!(client.response_head().status, 200);
    }
    server::wait_until("sockets and files are closed", || server.descriptors() <= before);
    server::wait_until("the log says so", || server.stdout().matches(" cut off\n").count() == 20);
}
