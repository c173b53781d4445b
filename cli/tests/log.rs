//! Every request is a line on standard output, unless nobody wants to know.

#[macro_use]
mod server;

use server::{Directory, Server};

on_each_backend! {
    every_request_is_one_line
    a_quiet_server_prints_one_line_only
    malformed_requests_are_logged
}

fn every_request_is_one_line(backend: &str) {
    let directory = Directory::new();
    directory.write("a.txt", "twelve bytes");
    let server = Server::start(backend, directory);
    let mut client = server.connect();
    let peer = client.stream.get_ref().local_addr().unwrap();
    client.get("/a.txt?query");
    client.head("/a.txt");
    client.get_with("/a.txt", &["Range: bytes=-5"]);
    client.get("/none");
    let (stdout, stderr) = server.stop();
    assert_eq!(stderr, "");
    let lines: Vec<_> = stdout.lines().skip(1).collect();
    assert_eq!(lines.len(), 4, "{stdout}");
    for (line, expected) in lines.iter().zip([
        "GET /a.txt?query 200 12 ",
        "HEAD /a.txt 200 0 ",
        "GET /a.txt 206 5 ",
        "GET /none 404 ",
    ]) {
        let fields: Vec<_> = line.split(' ').collect();
        assert!(fields[0].len() == 20 && fields[0].ends_with('Z'), "{line}");
        assert_eq!(fields[1], peer.to_string(), "{line}");
        assert!(line.contains(expected) && line.ends_with("ms"), "{line}");
    }
}

fn a_quiet_server_prints_one_line_only(backend: &str) {
    let server = Server::start_with(backend, Directory::new(), &["--quiet"]);
    server.get("/none");
    let (stdout, stderr) = server.stop();
    assert_eq!((stdout.lines().count(), stderr.as_str()), (1, ""), "{stdout}");
}

fn malformed_requests_are_logged(backend: &str) {
    let server = Server::start(backend, Directory::new());
    let mut client = server.connect();
    client.send("\u{1b}[2Jnonsense\r\n\r\n");
    assert_eq!(client.response_head().status, 400);
    let (stdout, _) = server.stop();
    assert!(stdout.contains(" malformed request: ") && !stdout.contains('\u{1b}'), "{stdout}");
}
