//! A client gets the part of a file that it asks for.

#[macro_use]
mod server;

use server::{Directory, Server, noise};

on_each_backend! {
    a_part_is_exactly_that_part
    a_part_that_does_not_exist_is_refused
    several_parts_come_in_one_response
    parts_that_overlap_are_sent_once
    what_is_not_understood_gets_everything
    head_has_no_parts
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

/// The parts of a multipart response: their ranges and bytes.
fn parts(response: &server::Response) -> Vec<(String, Vec<u8>)> {
    let media_type = response.header("content-type").unwrap();
    let boundary = media_type.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let (first, between) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}\r\n"));
    let end = format!("\r\n--{boundary}--\r\n");
    let mut rest =
        response.body.strip_prefix(first.as_bytes()).unwrap().strip_suffix(end.as_bytes()).unwrap();
    let mut parts = Vec::new();
    let find =
        |bytes: &[u8], text: &str| bytes.windows(text.len()).position(|window| window == text.as_bytes());
    loop {
        let (part, others) = match find(rest, &between) {
            Some(position) => (&rest[..position], Some(&rest[position + between.len()..])),
            None => (rest, None),
        };
        let position = find(part, "\r\n\r\n").unwrap();
        let head = str::from_utf8(&part[..position]).unwrap();
        let (media_type, range) = head.split_once("\r\n").unwrap();
        assert_eq!(media_type, "Content-Type: application/octet-stream");
        let range = range.strip_prefix("Content-Range: bytes ").unwrap();
        parts.push((range.to_owned(), part[position + 4..].to_vec()));
        match others {
            Some(others) => rest = others,
            None => return parts,
        }
    }
}

fn several_parts_come_in_one_response(backend: &str) {
    let (server, content) = serve(backend);
    let mut client = server.connect();
    for (ranges, expected) in [
        ("0-0,1000-1001", &[(0, 1), (1000, 1002)][..]),
        ("200000-200009, -5 , 0-9", &[(200_000, 200_010), (LEN - 5, LEN), (0, 10)]),
        ("0-140000,150000-299999", &[(0, 140_001), (150_000, LEN)]),
        ("0-9,300000-,500-509", &[(0, 10), (500, 510)]),
    ] {
        let response = client.get_with("/file", &[&format!("Range: bytes={ranges}")]);
        assert_eq!((response.status, response.header("content-range")), (206, None), "{ranges}");
        assert_eq!(response.header("etag"), client.head("/file").header("etag"));
        let parts = parts(&response);
        assert_eq!(parts.len(), expected.len(), "{ranges}");
        for ((range, bytes), &(start, end)) in parts.iter().zip(expected) {
            assert_eq!(*range, format!("{start}-{}/{LEN}", end - 1), "{ranges}");
            assert!(*bytes == content[start..end], "{ranges}: not these bytes");
        }
    }
}

fn parts_that_overlap_are_sent_once(backend: &str) {
    let (server, content) = serve(backend);
    let mut client = server.connect();
    let many: Vec<_> = (0..30).map(|start| format!("{start}-")).collect();
    for (ranges, start, end) in [
        ("5-9,0-6".to_owned(), 0, 10),
        ("0-9,10-19,30-39".to_owned(), 0, 40),
        (many.join(","), 0, LEN),
        ("5-5,400000-".to_owned(), 5, 6),
    ] {
        let response = client.get_with("/file", &[&format!("Range: bytes={ranges}")]);
        let range = format!("bytes {start}-{}/{LEN}", end - 1);
        assert_eq!(
            (response.status, response.header("content-range")),
            (206, Some(range.as_str())),
            "{ranges}"
        );
        assert!(response.body == content[start..end], "{ranges}: not these bytes");
    }
}

fn what_is_not_understood_gets_everything(backend: &str) {
    let (server, _) = serve(backend);
    let mut client = server.connect();
    let many: Vec<_> = (0..1000).map(|start| format!("{0}-{0}", start * 200)).collect();
    let many = format!("bytes={}", many.join(","));
    for range in ["bytes=6-5", "bytes=0-1,6-5", "bytes=x", "lines=1-2", "", &many] {
        let response = client.get_with("/file", &[&format!("Range: {range}")]);
        assert_eq!((response.status, response.body.len()), (200, LEN), "{range}");
    }
    let response = client.get_with("/file", &["Range: bytes=0-1", "Range: bytes=0-1"]);
    assert_eq!((response.status, response.body.len()), (200, LEN));
}

fn head_has_no_parts(backend: &str) {
    let (server, _) = serve(backend);
    let mut client = server.connect();
    for range in ["bytes=0-1", "bytes=0-1,1000-1001", "bytes=400000-"] {
        client.request("HEAD", "/file", &[&format!("Range: {range}")]);
        let head = client.response_head();
        assert_eq!((head.status, head.header("content-length")), (200, Some("300000")), "{range}");
    }
}
