//! A client gets the part of a file that it asks for.

#[macro_use]
mod server;

use server::{Directory, Server, noise};

on_each_backend! {
    a_part_is_exactly_that_part
    a_part_that_does_not_exist_is_refused
    a_part_of_another_version_is_not_sent
    what_is_not_one_range_gets_everything
}

const LEN: usize = 300_000;

fn serve(backend: &str) -> (Server, Vec<u8>) {
    let directory = Directory::new();
    let content = noise(LEN);
    directory.write("file", &content);
    directory.write("empty", "");
    (Server::start(backend, directory), content)
}

fn a_part_is_exactly_that_part(backend: &str) {
    let (server, content) = serve(backend);
    let mut client = server.connect();
    for (range, start, end) in [
        ("0-0", 0, 1),
        ("0-", 0, LEN),
        ("131071-131072", 131_071, 131_073),
        ("1000-299999", 1000, LEN),
        ("299999-", LEN - 1, LEN),
        ("299990-999999999", LEN - 10, LEN),
        ("-5", LEN - 5, LEN),
        ("-999999999", 0, LEN),
    ] {
        let response = client.get_with("/file", &[&format!("Range: bytes={range}")]);
        assert_eq!(response.status, 206, "{range}");
        let content_range = format!("bytes {start}-{}/{LEN}", end - 1);
        assert_eq!(response.header("content-range"), Some(content_range.as_str()), "{range}");
        assert!(response.body == content[start..end], "{range}: not these bytes");
    }
    let head_of_all = client.head("/file");
    assert_eq!(head_of_all.header("accept-ranges"), Some("bytes"));
}

fn a_part_that_does_not_exist_is_refused(backend: &str) {
    let (server, _) = serve(backend);
    let mut client = server.connect();
    for (path, range, content_range) in [
        ("/file", "300000-", "bytes */300000"),
        ("/file", "400000-500000", "bytes */300000"),
        ("/file", "-0", "bytes */300000"),
        ("/empty", "0-", "bytes */0"),
    ] {
        let response = client.get_with(path, &[&format!("Range: bytes={range}")]);
        assert_eq!(
            (response.status, response.header("content-range")),
            (416, Some(content_range)),
            "{range}"
        );
    }
}

fn a_part_of_another_version_is_not_sent(backend: &str) {
    let (server, content) = serve(backend);
    let mut client = server.connect();
    let modified = client.head("/file").header("last-modified").unwrap().to_owned();
    let same = client.get_with("/file", &["Range: bytes=5-6", &format!("If-Range: {modified}")]);
    assert_eq!((same.status, same.body.as_slice()), (206, &content[5..7]));
    for version in ["Sun, 09 Sep 2001 01:46:40 GMT", "\"tag\""] {
        let other = client.get_with("/file", &["Range: bytes=5-6", &format!("If-Range: {version}")]);
        assert_eq!((other.status, other.body.len()), (200, LEN), "{version}");
    }
}

fn what_is_not_one_range_gets_everything(backend: &str) {
    let (server, _) = serve(backend);
    let mut client = server.connect();
    for range in ["bytes=0-1,5-6", "bytes=6-5", "bytes=x", "lines=1-2", ""] {
        let response = client.get_with("/file", &[&format!("Range: {range}")]);
        assert_eq!((response.status, response.body.len()), (200, LEN), "{range}");
    }
}
