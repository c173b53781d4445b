//! A client that has a file doesn't get it again, and one that means a certain version gets that or none.

#[macro_use]
mod server;

use server::{Client, Directory, Server};
use std::fs;
use std::time::SystemTime;

on_each_backend! {
    the_same_version_is_not_sent_again
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

fn tag(client: &mut Client, path: &str) -> String {
    client.head(path).header("etag").unwrap().to_owned()
}

fn the_same_version_is_not_sent_again(backend: &str) {
    let server = serve(backend);
    server.settle("/a.txt");
    let mut client = server.connect();
    let first = client.get("/a.txt");
    let (tag, modified) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    let weak = format!("W/{}", tag.trim_start_matches("W/"));
    for condition in [
        format!("If-None-Match: {tag}"),
        format!("If-None-Match: \"x\", {weak}"),
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
