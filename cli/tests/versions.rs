//! Strong entity tags, which name a version of a file for good.
//!
//! On Windows each tag of a file is weak.
#![cfg(unix)]

#[macro_use]
mod server;

use server::{Client, Directory, Server, noise};
use std::fs;
use std::time::{Duration, SystemTime};

on_each_backend! {
    a_change_is_another_version
    a_young_file_promises_nothing
    another_version_than_the_one_that_is_meant_is_refused
    head_has_the_same_conditions
    a_part_of_another_version_is_not_sent
}

const LEN: usize = 300_000;

fn serve(backend: &str) -> Server {
    let directory = Directory::new();
    directory.write("a.txt", "text");
    Server::start(backend, directory)
}

/// With a file that has a strong tag.
fn serve_settled(backend: &str) -> Server {
    let server = serve(backend);
    server.settle("/a.txt");
    server
}

fn tag(client: &mut Client, path: &str) -> String {
    client.head(path).header("etag").unwrap().to_owned()
}

fn a_change_is_another_version(backend: &str) {
    let server = serve_settled(backend);
    let mut client = server.connect();
    let before = client.get("/a.txt");
    let tag = before.header("etag").unwrap();
    let modified = fs::metadata(server.directory.path("a.txt")).unwrap().modified().unwrap();
    // Of the same size and, in the end, of the same time.
    server.directory.write("a.txt", "TEXT");
    fs::File::options()
        .write(true)
        .open(server.directory.path("a.txt"))
        .unwrap()
        .set_modified(modified)
        .unwrap();
    let after = client.get_with("/a.txt", &[&format!("If-None-Match: {tag}")]);
    assert_eq!((after.status, after.text().as_str()), (200, "TEXT"));
    assert_eq!(after.header("last-modified"), before.header("last-modified"));
    // A rename brings another file.
    server.settle("/a.txt");
    let tag = self::tag(&mut client, "/a.txt");
    server.directory.write("new", "TEXT");
    fs::rename(server.directory.path("new"), server.directory.path("a.txt")).unwrap();
    assert_eq!(client.get_with("/a.txt", &[&format!("If-None-Match: {tag}")]).status, 200);
}

fn a_young_file_promises_nothing(backend: &str) {
    let server = serve(backend);
    let mut client = server.connect();
    server.directory.write("young.txt", "text");
    let future = SystemTime::now() + Duration::from_secs(86_400);
    let file = fs::File::options().write(true).open(server.directory.path("young.txt")).unwrap();
    file.set_modified(future).unwrap();
    let first = client.get("/young.txt");
    let tag = first.header("etag").unwrap().to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    // No time in the future, and the same version for as long as nothing is known of another.
    let (date, modified) = (first.header("date").unwrap(), first.header("last-modified").unwrap());
    let parse = |date| httpdate::parse_http_date(date).unwrap();
    assert!(parse(modified) <= parse(date) + Duration::from_secs(1), "{modified} {date}");
    assert_eq!(client.get_with("/young.txt", &[&format!("If-Match: {tag}")]).status, 412);
    server.settle("/young.txt");
    assert_eq!(client.get_with("/young.txt", &[&format!("If-None-Match: {tag}")]).status, 200);
}

fn another_version_than_the_one_that_is_meant_is_refused(backend: &str) {
    let server = serve_settled(backend);
    let mut client = server.connect();
    let tag = tag(&mut client, "/a.txt");
    let modified = client.head("/a.txt").header("last-modified").unwrap().to_owned();
    for (condition, status) in [
        (format!("If-Match: {tag}"), 200),
        ("If-Match: *".to_owned(), 200),
        (format!("If-Match: \"x\",{tag}"), 200),
        (format!("If-Match: W/{tag}"), 412),
        ("If-Match: \"x\"".to_owned(), 412),
        (format!("If-Unmodified-Since: {modified}"), 200),
        ("If-Unmodified-Since: Sun, 09 Sep 2001 01:46:40 GMT".to_owned(), 412),
        ("If-Unmodified-Since: yesterday".to_owned(), 200),
    ] {
        assert_eq!(client.get_with("/a.txt", &[&condition]).status, status, "{condition}");
    }
    // Before everything else: neither what the client has nor which part it wants matters then.
    let known = format!("If-None-Match: {tag}");
    assert_eq!(client.get_with("/a.txt", &["If-Match: \"x\"", &known, "Range: bytes=9-"]).status, 412);
    assert_eq!(client.get_with("/a.txt", &[&known, "Range: bytes=9-"]).status, 304);
    assert_eq!(client.get_with("/a.txt", &[&format!("If-Match: {tag}"), "Range: bytes=0-0"]).status, 206);
}

fn head_has_the_same_conditions(backend: &str) {
    let server = serve_settled(backend);
    let mut client = server.connect();
    let tag = tag(&mut client, "/a.txt");
    for (condition, status) in [
        (format!("If-None-Match: {tag}"), 304),
        ("If-Match: \"x\"".to_owned(), 412),
        (format!("If-Match: {tag}"), 200),
    ] {
        client.request("HEAD", "/a.txt", &[&condition]);
        assert_eq!(client.response_head().status, status, "{condition}");
    }
    assert_eq!(client.get("/a.txt").text(), "text");
}

fn a_part_of_another_version_is_not_sent(backend: &str) {
    let server = serve(backend);
    let content = noise(LEN);
    server.directory.write("file", &content);
    let mut client = server.connect();
    let young = client.head("/file").header("etag").unwrap().to_owned();
    server.settle("/file");
    let head = client.head("/file");
    let (tag, modified) = (head.header("etag").unwrap(), head.header("last-modified").unwrap());
    for version in [tag, modified] {
        let same = client.get_with("/file", &["Range: bytes=5-6", &format!("If-Range: {version}")]);
        assert_eq!((same.status, same.body.as_slice()), (206, &content[5..7]), "{version}");
        assert_eq!(same.header("etag"), Some(tag));
        assert_eq!((same.header("last-modified"), same.header("content-type")), (None, None));
    }
    let weak = format!("W/{tag}");
    for version in ["Sun, 09 Sep 2001 01:46:40 GMT", "\"tag\"", &weak, &young] {
        let other = client.get_with("/file", &["Range: bytes=5-6", &format!("If-Range: {version}")]);
        assert_eq!((other.status, other.body.len()), (200, LEN), "{version}");
        // Not even to say that it has no such part.
        let other = client.get_with("/file", &["Range: bytes=999999-", &format!("If-Range: {version}")]);
        assert_eq!((other.status, other.body.len()), (200, LEN), "{version}");
    }
}
