//! Files arrive as they are on the disk, with headers that say what they are.

#[macro_use]
mod server;

use server::{Directory, Server, noise, wait_until};
use std::fs;
use std::io::{Read, Write};
use std::time::{Duration, SystemTime};

on_each_backend! {
    every_byte_is_right_at_every_size
    the_media_type_follows_the_name
    head_has_the_headers_of_get_and_no_body
    an_index_page_stands_for_its_directory
    names_are_decoded
    what_the_client_has_is_not_sent_again
    a_file_that_shrinks_ends_the_connection
    a_time_that_http_cannot_express_is_left_out
}

fn every_byte_is_right_at_every_size(backend: &str) {
    let directory = Directory::new();
    let chunk = 128 * 1024;
    let sizes = [0, 1, 4095, 4096, chunk - 1, chunk, chunk + 1, 2 * chunk, 3 * chunk + 17, 8 << 20];
    let content = noise(8 << 20);
    for size in sizes {
        directory.write(&format!("{size}.bin"), &content[..size]);
    }
    let server = Server::start(backend, directory);
    let mut client = server.connect();
    for size in sizes {
        let response = client.get(&format!("/{size}.bin"));
        assert_eq!((response.status, response.body.len()), (200, size));
        assert!(response.body == content[..size], "{size} bytes, and not the right ones");
    }
}

fn the_media_type_follows_the_name(backend: &str) {
    let directory = Directory::new();
    let expected = [
        ("a.html", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.PNG", "image/png"),
        ("a.svg", "image/svg+xml"),
        ("a.wasm", "application/wasm"),
        ("a.json", "application/json"),
        ("LICENSE", "text/plain; charset=utf-8"),
        ("a.bin", "application/octet-stream"),
    ];
    for (name, _) in expected {
        directory.write(name, name);
    }
    let server = Server::start(backend, directory);
    let mut client = server.connect();
    for (name, media_type) in expected {
        let response = client.get(&format!("/{name}"));
        assert_eq!(response.header("content-type"), Some(media_type), "{name}");
        assert_eq!(response.text(), name);
    }
}

fn head_has_the_headers_of_get_and_no_body(backend: &str) {
    let directory = Directory::new();
    directory.write("a.txt", "twelve bytes");
    directory.write("folder/b", "");
    let server = Server::start(backend, directory);
    let mut client = server.connect();
    for path in ["/a.txt", "/", "/folder/", "/folder", "/none", "/%"] {
        let head = client.head(path);
        // Were a body sent after the head, this response would begin with it.
        let get = client.get(path);
        let without_date = |headers: &[(String, String)]| {
            headers.iter().filter(|(name, _)| name != "date").cloned().collect::<Vec<_>>()
        };
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(without_date(&head.headers), without_date(&get.headers), "{path}");
    }
    assert_eq!(client.head("/a.txt").header("content-length"), Some("12"));
}

fn an_index_page_stands_for_its_directory(backend: &str) {
    let directory = Directory::new();
    directory.write("index.html", "the start");
    directory.write("folder/index.html", "the folder");
    let server = Server::start(backend, directory);
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "the start");
    let response = client.get("/folder/?query");
    assert_eq!(response.text(), "the folder");
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
}

fn names_are_decoded(backend: &str) {
    let directory = Directory::new();
    directory.write("a b/ü#;.txt", "found");
    let server = Server::start(backend, directory);
    assert_eq!(server.get("/a%20b/%C3%bc%23%3b.txt?x=y").text(), "found");
    assert_eq!(server.get("//a%20b///%C3%BC%23%3B.txt").text(), "found");
}

fn what_the_client_has_is_not_sent_again(backend: &str) {
    let directory = Directory::new();
    directory.write("a.txt", "text");
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000) + Duration::from_millis(700);
    let file = fs::File::options().write(true).open(directory.path("a.txt")).unwrap();
    file.set_modified(modified).unwrap();
    let server = Server::start(backend, directory);
    let mut client = server.connect();
    let first = client.get("/a.txt");
    assert_eq!(first.header("last-modified"), Some("Sun, 09 Sep 2001 01:46:40 GMT"));
    let again = client.get_with("/a.txt", &["If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT"]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    let older = client.get_with("/a.txt", &["If-Modified-Since: Sun, 09 Sep 2001 01:46:39 GMT"]);
    assert_eq!((older.status, older.text().as_str()), (200, "text"));
    let nonsense = client.get_with("/a.txt", &["If-Modified-Since: yesterday"]);
    assert_eq!(nonsense.status, 200);
}

fn a_file_that_shrinks_ends_the_connection(backend: &str) {
    let directory = Directory::new();
    let size = 64 << 20;
    fs::File::create(directory.path("big")).unwrap().set_len(size).unwrap();
    let server = Server::start(backend, directory);
    let mut client = server.connect();
    client.request("GET", "/big", &[]);
    let head = client.response_head();
    assert_eq!(head.header("content-length"), Some(size.to_string().as_str()));
    // More than the sockets can hold is still to be read when the file is cut.
    fs::File::options().write(true).open(server.directory.path("big")).unwrap().set_len(1 << 20).unwrap();
    let mut received = Vec::new();
    // The end or a reset, but no waiting for bytes that don't exist.
    let result = client.stream.read_to_end(&mut received);
    assert!(result.is_err() || (received.len() as u64) < size);
    let would_wait = [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut];
    assert!(result.err().is_none_or(|error| !would_wait.contains(&error.kind())));
    wait_until("the log says so", || {
        server.stdout().contains("GET /big 200 ") && server.stdout().contains(" cut off\n")
    });
}

fn a_time_that_http_cannot_express_is_left_out(backend: &str) {
    let directory = Directory::new();
    directory.write("old.txt", "old");
    let mut file = fs::File::options().write(true).open(directory.path("old.txt")).unwrap();
    file.write_all(b"old").unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH - Duration::from_secs(86_400)).unwrap();
    let server = Server::start(backend, directory);
    let response = server.get("/old.txt");
    assert_eq!((response.status, response.header("last-modified")), (200, None));
    assert_eq!(server.get("/").status, 200);
}
