//! What is not to be had is refused, and nothing outside the served directory is to be had.

#[macro_use]
mod server;

use server::{Directory, Server};

on_each_backend! {
    what_is_missing_is_404
    malformed_addresses_are_400
    malformed_requests_are_answered_and_hurt_nobody
    other_methods_are_405
    there_is_no_way_out_of_the_directory
    hidden_files_are_404_unless_asked_for
    errors_are_pages
}

fn serve(backend: &str, options: &[&str]) -> Server {
    let directory = Directory::new();
    directory.write("a.txt", "a");
    directory.write("folder/b.txt", "b");
    directory.write(".env", "hidden");
    directory.write(".git/config", "hidden");
    std::fs::write(directory.outside("secret"), "secret").unwrap();
    Server::start_with(backend, directory, options)
}

fn what_is_missing_is_404(backend: &str) {
    let server = serve(backend, &[]);
    let mut client = server.connect();
    let long = format!("/{}", "x".repeat(1000));
    for path in ["/none", "/folder/none", "/none/none", "/a.txt/", "/a.txt/b", &long] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
}

fn malformed_addresses_are_400(backend: &str) {
    let server = serve(backend, &[]);
    let mut client = server.connect();
    for path in ["/%", "/%2", "/%zz", "/a.txt%00", "/%00", "/a%"] {
        assert_eq!(client.get(path).status, 400, "{path}");
    }
}

fn malformed_requests_are_answered_and_hurt_nobody(backend: &str) {
    let server = serve(backend, &[]);
    let mut bystander = server.connect();
    let long_header = format!("GET / HTTP/1.1\r\nHost: test\r\nX: {}\r\n\r\n", "x".repeat(300_000));
    let many_headers = format!("GET / HTTP/1.1\r\nHost: test\r\n{}\r\n", "X: y\r\n".repeat(1000));
    for request in [
        "nonsense\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost test\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\nContent-Length: x\r\n\r\n",
        "\0\u{1}\u{2}\u{3}\r\n\r\n",
        &long_header,
        &many_headers,
    ] {
        let mut client = server.connect();
        let shown = &request[..request.len().min(60)];
        // The server may have closed before all of a large one is written.
        let _ = std::io::Write::write_all(client.stream.get_mut(), request.as_bytes());
        let status = client.response_head().status;
        assert!((400..=431).contains(&status), "{status} for {shown:?}");
        assert_eq!(bystander.get("/a.txt").text(), "a");
    }
}

fn other_methods_are_405(backend: &str) {
    let server = serve(backend, &[]);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let mut client = server.connect();
        client.request(method, "/a.txt", &["Content-Length: 0"]);
        let response = client.response();
        assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    assert_eq!(server.get("/a.txt").text(), "a");
}

fn there_is_no_way_out_of_the_directory(backend: &str) {
    let server = serve(backend, &["--hidden"]);
    let absolute = server.directory.outside("secret");
    let absolute = format!("/{}", absolute.to_str().unwrap());
    for path in [
        "/../secret",
        "/folder/../../secret",
        "/%2e%2e/secret",
        "/%2E./secret",
        "/.%2e/secret",
        "/..%2fsecret",
        "/..%2Fsecret",
        "/%2e%2e%2fsecret",
        "/..%5csecret",
        "/....//secret",
        "/%252e%252e/secret",
        "/%c0%ae%c0%ae/secret",
        "//../secret",
        "/./../secret",
        "/folder/..%00/../secret",
        &absolute,
        &absolute.replace('/', "%2f"),
        "/%2fetc%2fpasswd",
        "//etc/passwd",
        "/etc/passwd",
        "/..\\secret",
        "/folder/..%5c..%5csecret",
        "/C:/windows/win.ini",
        "/c%3a%5cwindows%5cwin.ini",
        "/%5c%5c%3f%5cc:%5cwindows%5cwin.ini",
        "/NUL",
        "/a.txt::$DATA",
        "/a.txt.",
    ] {
        let mut client = server.connect();
        let response = client.get(path);
        assert!([400, 404].contains(&response.status), "{} for {path}", response.status);
        let text = response.text();
        assert!(!["root:", "secret", "[fonts]"].iter().any(|inside| text.contains(inside)), "{path}: {text}");
    }
    let mut client = server.connect();
    client.send(format!("GET http://test{absolute} HTTP/1.1\r\nHost: test\r\n\r\n"));
    assert!([400, 404].contains(&client.response().status));
}

fn hidden_files_are_404_unless_asked_for(backend: &str) {
    let server = serve(backend, &[]);
    let mut client = server.connect();
    for path in ["/.env", "/%2eenv", "/.git/", "/.git", "/.git/config"] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
    assert!(!client.get("/").text().contains(".env"));
    let server = serve(backend, &["--hidden"]);
    assert_eq!(server.get("/.env").text(), "hidden");
    assert_eq!(server.get("/.git/config").text(), "hidden");
    assert!(server.get("/").text().contains("<bdi>.env</bdi>"));
}

fn errors_are_pages(backend: &str) {
    let server = serve(backend, &[]);
    let response = server.get("/<script>");
    // Whatever the path says, the page doesn't repeat it.
    if response.status != 400 {
        assert_eq!(response.status, 404);
        assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(
            response
                .header("content-security-policy")
                .is_some_and(|policy| policy.contains("default-src 'none'"))
        );
        assert!(response.text().contains("404 Not Found") && !response.text().contains("<script"));
    }
}
