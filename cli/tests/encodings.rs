//! A file's compressed siblings are served to those who can decode them.

#[macro_use]
mod server;

use server::{Client, Directory, Server};
use std::fs;
use std::time::{Duration, SystemTime};

on_each_backend! {
    the_preferred_sibling_is_served
    each_coding_is_a_version_of_its_own
    a_sibling_that_is_older_is_not_served
    what_no_coding_can_satisfy_is_406
    an_index_page_has_siblings_too
    a_sibling_can_be_had_by_its_own_name
}

/// The siblings aren't really compressed: what a test reads shall tell where it comes from.
fn serve(backend: &str) -> Server {
    let directory = Directory::new();
    for (name, content) in [
        ("a.txt", "as it is"),
        ("a.txt.gz", "gzipped"),
        ("a.txt.br", "brotli"),
        ("b.txt", "as it is"),
        ("b.txt.gz", "gzipped"),
        ("LICENSE", "text"),
        ("LICENSE.gz", "\u{1f}\u{8b}\0"),
        ("index.html", "the page"),
        ("index.html.br", "brotli"),
    ] {
        directory.write(name, content);
    }
    Server::start(backend, directory)
}

fn get(client: &mut Client, path: &str, accept: &str) -> (u16, Option<String>, String) {
    let response = client.get_with(path, &[&format!("Accept-Encoding: {accept}")]);
    assert_eq!(response.header("vary"), Some("Accept-Encoding"), "{path} {accept}");
    (response.status, response.header("content-encoding").map(str::to_owned), response.text())
}

fn the_preferred_sibling_is_served(backend: &str) {
    let server = serve(backend);
    let mut client = server.connect();
    for (path, accept, coding, content) in [
        ("/a.txt", "gzip, deflate, br, zstd", Some("br"), "brotli"),
        ("/a.txt", "gzip", Some("gzip"), "gzipped"),
        ("/a.txt", "br;q=0.5, gzip", Some("gzip"), "gzipped"),
        ("/a.txt", "*", Some("br"), "brotli"),
        ("/a.txt", "*, br;q=0", Some("gzip"), "gzipped"),
        ("/a.txt", "identity, gzip;q=0.5", None, "as it is"),
        ("/a.txt", "gzip;q=0", None, "as it is"),
        ("/a.txt", "", None, "as it is"),
        ("/a.txt", "zstd", None, "as it is"),
        ("/b.txt", "br, gzip;q=0.1", Some("gzip"), "gzipped"),
        ("/b.txt", "br", None, "as it is"),
        ("/b.txt", "br, identity;q=0, *", Some("gzip"), "gzipped"),
    ] {
        let expected = (200, coding.map(str::to_owned), content.to_owned());
        assert_eq!(get(&mut client, path, accept), expected, "{path} {accept}");
    }
    let plain = client.get("/a.txt");
    assert_eq!((plain.header("content-encoding"), plain.text().as_str()), (None, "as it is"));
    assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
    let coded = client.get_with("/a.txt", &["Accept-Encoding: gzip"]);
    assert_eq!(coded.header("content-type"), plain.header("content-type"));
    // The content decides about the type, but that of the file and not of its sibling.
    let license = client.get_with("/LICENSE", &["Accept-Encoding: gzip"]);
    assert_eq!(license.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(license.header("content-encoding"), Some("gzip"));
}

fn each_coding_is_a_version_of_its_own(backend: &str) {
    let server = serve(backend);
    let mut client = server.connect();
    // Even if they were the same bytes on the disk.
    fs::hard_link(server.directory.path("LICENSE"), server.directory.path("LICENSE.br")).unwrap();
    server.settle("/a.txt");
    server.settle("/LICENSE");
    for path in ["/a.txt", "/LICENSE"] {
        let mut tags = Vec::new();
        for accept in ["identity", "gzip", "br"] {
            let accept = format!("Accept-Encoding: {accept}");
            let tag = client.get_with(path, &[&accept]).header("etag").unwrap().to_owned();
            let again = client.get_with(path, &[&accept, &format!("If-None-Match: {tag}")]);
            assert_eq!((again.status, again.header("etag")), (304, Some(tag.as_str())), "{accept}");
            assert!(!tags.contains(&tag), "{accept}: {tag}");
            for other in &tags {
                let other = format!("If-None-Match: {other}");
                assert_eq!(client.get_with(path, &[&accept, &other]).status, 200, "{accept}");
            }
            tags.push(tag);
        }
    }
    // A part is a part of what is sent; several of them can't say how they are coded.
    let part = client.get_with("/a.txt", &["Accept-Encoding: gzip", "Range: bytes=1-2"]);
    assert_eq!(
        (part.status, part.text().as_str(), part.header("content-encoding")),
        (206, "zi", Some("gzip"))
    );
    assert_eq!(part.header("content-range"), Some("bytes 1-2/7"));
    let parts = client.get_with("/a.txt", &["Accept-Encoding: gzip", "Range: bytes=0-0,-0,300-"]);
    assert_eq!(parts.status, 206);
    server.directory.write("c.bin", "c".repeat(1000));
    server.directory.write("c.bin.gz", "z".repeat(1000));
    let parts = client.get_with("/c.bin", &["Accept-Encoding: gzip", "Range: bytes=0-0,500-500"]);
    assert_eq!((parts.status, parts.body.len()), (200, 1000));
}

fn a_sibling_that_is_older_is_not_served(backend: &str) {
    let server = serve(backend);
    let mut client = server.connect();
    let set_age = |name: &str, age: u64| {
        let file = fs::File::options().write(true).open(server.directory.path(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    };
    set_age("a.txt", 100);
    set_age("a.txt.gz", 101);
    set_age("a.txt.br", 99);
    assert_eq!(get(&mut client, "/a.txt", "gzip").2, "as it is");
    assert_eq!(get(&mut client, "/a.txt", "br").2, "brotli");
    set_age("a.txt.br", 200);
    assert_eq!(get(&mut client, "/a.txt", "br, gzip").2, "as it is");
    set_age("a.txt.gz", 50);
    assert_eq!(get(&mut client, "/a.txt", "br, gzip").2, "gzipped");
    fs::remove_file(server.directory.path("a.txt.gz")).unwrap();
    fs::create_dir(server.directory.path("a.txt.gz")).unwrap();
    assert_eq!(get(&mut client, "/a.txt", "gzip").2, "as it is");
    fs::remove_file(server.directory.path("a.txt")).unwrap();
    assert_eq!(client.get_with("/a.txt", &["Accept-Encoding: br"]).status, 404);
}

fn what_no_coding_can_satisfy_is_406(backend: &str) {
    let server = serve(backend);
    let mut client = server.connect();
    for (path, accept) in
        [("/b.txt", "identity;q=0"), ("/b.txt", "br, *;q=0"), ("/b.txt", "br, identity;q=0")]
    {
        assert_eq!(get(&mut client, path, accept).0, 406, "{path} {accept}");
    }
    assert_eq!(get(&mut client, "/b.txt", "gzip, identity;q=0").2, "gzipped");
}

fn an_index_page_has_siblings_too(backend: &str) {
    let server = serve(backend);
    let mut client = server.connect();
    assert_eq!(get(&mut client, "/", "br").2, "brotli");
    assert_eq!(get(&mut client, "/", "gzip").2, "the page");
}

fn a_sibling_can_be_had_by_its_own_name(backend: &str) {
    let server = serve(backend);
    let response = server.connect().get_with("/a.txt.gz", &["Accept-Encoding: gzip"]);
    assert_eq!((response.status, response.text().as_str()), (200, "gzipped"));
    assert_eq!(response.header("content-type"), Some("application/gzip"));
    assert_eq!(response.header("content-encoding"), None);
}
