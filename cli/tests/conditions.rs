//! A client that has a file doesn't get it again, and one that means a certain version gets that or none.

#[macro_use]
mod server;

use server::{Client, Directory, Server};
use std::fs;
use std::time::{Duration, SystemTime};

on_each_backend! {
    the_same_version_is_not_sent_again
    a_change_is_another_version
    a_young_file_promises_nothing
    another_version_than_the_one_that_is_meant_is_refused
    head_has_the_same_conditions
    conditions_do_not_count_where_nothing_is_served
    a_listing_has_a_tag_and_no_time
    a_listing_that_looks_different_is_another_version
}

fn serve(backend: &str) -> Server {
    let directory = Directory::new();
    directory.write("a.txt", "text");
    directory.write("folder/b.txt", "b");
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

fn the_same_version_is_not_sent_again(backend: &str) {
    let server = serve_settled(backend);
    let mut client = server.connect();
    let first = client.get("/a.txt");
    let (tag, modified) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    for condition in [
        format!("If-None-Match: {tag}"),
        format!("If-None-Match: \"x\", W/{tag}"),
        "If-None-Match: *".to_owned(),
        format!("If-Modified-Since: {modified}"),
    ] {
        let again = client.get_with("/a.txt", &[&condition]);
        assert_eq!((again.status, again.header("content-length")), (304, None), "{condition}");
        for header in ["etag", "vary", "cache-control"] {
            assert_eq!(again.header(header), first.header(header), "{condition}");
        }
        assert!(again.header("date").is_some() && again.header("content-type").is_none(), "{condition}");
    }
    let other = client.get_with("/a.txt", &["If-None-Match: \"x\"", "If-None-Match: \"y\""]);
    assert_eq!((other.status, other.text().as_str()), (200, "text"));
    let split = client.get_with("/a.txt", &["If-None-Match: \"x\"", &format!("If-None-Match: {tag}")]);
    assert_eq!(split.status, 304);
    // The tag decides, whatever the date says.
    let both =
        client.get_with("/a.txt", &["If-None-Match: \"x\"", &format!("If-Modified-Since: {modified}")]);
    assert_eq!(both.status, 200);
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

fn conditions_do_not_count_where_nothing_is_served(backend: &str) {
    let server = serve(backend);
    let mut client = server.connect();
    for condition in
        ["If-Match: \"x\"", "If-None-Match: *", "If-Unmodified-Since: Sun, 09 Sep 2001 01:46:40 GMT"]
    {
        assert_eq!(client.get_with("/none", &[condition]).status, 404, "{condition}");
        assert_eq!(client.get_with("/folder", &[condition]).status, 301, "{condition}");
    }
}

fn a_listing_has_a_tag_and_no_time(backend: &str) {
    let server = serve(backend);
    let mut client = server.connect();
    let first = client.get("/folder/");
    let tag = first.header("etag").unwrap();
    assert!(tag.starts_with("W/\"") && first.header("last-modified").is_none(), "{tag}");
    assert_eq!(client.head("/folder/").header("etag"), Some(tag));
    assert_ne!(self::tag(&mut client, "/"), tag);
    let (known, meant) = (format!("If-None-Match: {tag}"), format!("If-Match: {tag}"));
    for (condition, status) in [
        ("If-Match: *", 200),
        // Too weak to insist on.
        (&meant, 412),
        ("If-Match: \"x\"", 412),
        ("If-None-Match: \"x\"", 200),
        ("If-None-Match: *", 304),
        (&known, 304),
        ("If-Modified-Since: Sun, 09 Sep 2040 01:46:40 GMT", 200),
        ("Range: bytes=0-1", 200),
    ] {
        assert_eq!(client.get_with("/folder/", &[condition]).status, status, "{condition}");
    }
    let again = client.get_with("/folder/", &[&known]);
    assert_eq!((again.header("etag"), again.header("content-length")), (Some(tag), None));
    assert_eq!(again.header("cache-control"), first.header("cache-control"));
}

fn a_listing_that_looks_different_is_another_version(backend: &str) {
    let server = serve(backend);
    let mut client = server.connect();
    let mut tags = vec![tag(&mut client, "/folder/")];
    let mut is_another = |what: &str| {
        let tag = tag(&mut client, "/folder/");
        let known = format!("If-None-Match: {}", tags.last().unwrap());
        assert_eq!(client.get_with("/folder/", &[&known]).status, 200, "{what}");
        assert!(!tags.contains(&tag), "{what}");
        tags.push(tag);
    };
    server.directory.write("folder/c.txt", "c");
    is_another("a new file");
    // Neither of these leaves a trace in the directory.
    server.directory.write("folder/b.txt", "longer");
    is_another("a file's size");
    let file = fs::File::options().write(true).open(server.directory.path("folder/b.txt")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    is_another("a file's time");
    fs::rename(server.directory.path("folder/c.txt"), server.directory.path("folder/d.txt")).unwrap();
    is_another("a file's name");
}
