//! The server tells how it does, to its own machine.

#[macro_use]
mod server;

use server::{Directory, Server, curl, wait_until};

on_each_backend! {
    the_numbers_follow_what_happens
    the_form_follows_the_request
    the_path_is_not_the_directorys
}

fn serve(backend: &str, options: &[&str]) -> Server {
    let directory = Directory::new();
    directory.write("a.txt", "twelve bytes");
    Server::start_with(backend, directory, options)
}

fn the_numbers_follow_what_happens(backend: &str) {
    let server = serve(backend, &[]);
    let mut client = server.connect();
    for _ in 0..3 {
        client.get("/a.txt");
    }
    client.head("/a.txt");
    client.get_with("/a.txt", &["If-None-Match: *"]);
    client.get("/none");
    assert_eq!(server.metric("fibra_http_requests_total{status=\"3xx\"}"), 1);
    assert_eq!(server.metric("fibra_http_requests_total{status=\"4xx\"}"), 1);
    assert_eq!(server.metric("fibra_http_requests_total{status=\"5xx\"}"), 0);
    // Those for the metrics count as well: three so far, and this one only afterwards.
    assert_eq!(server.metric("fibra_http_requests_total{status=\"2xx\"}"), 4 + 3);
    let before = server.metric("fibra_http_sent_bytes_total");
    client.get("/a.txt");
    assert!(server.metric("fibra_http_sent_bytes_total") > before + 12);
    assert_eq!(server.metric("fibra_http_connections_accepted_total"), 1 + 7);
    wait_until("only two are open", || server.metric("fibra_http_connections_open") == 2);
    drop(client);
    wait_until("only one is open", || server.metric("fibra_http_connections_open") == 1);
    assert!(server.metric("fibra_tasks_spawned_total") > 0 && server.metric("fibra_threads_alive") > 0);
    let mut malformed = server.connect();
    malformed.send("nonsense\r\n\r\n");
    assert_eq!(malformed.response_head().status, 400);
    let name = "fibra_http_connections_given_up_total{reason=\"malformed\"}";
    wait_until("it is counted", || server.metric(name) == 1);
}

fn the_form_follows_the_request(backend: &str) {
    let server = serve(backend, &[]);
    let mut client = server.connect();
    let text = client.get("/_fibra/metrics");
    assert_eq!(text.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!((text.header("cache-control"), text.header("vary")), (Some("no-store"), Some("Accept")));
    assert!(text.text().contains("# TYPE fibra_http_requests_total counter\n"), "{}", text.text());
    let json = client.get_with("/_fibra/metrics", &["Accept: application/json"]);
    assert_eq!(json.header("content-type"), Some("application/json"));
    assert!(json.text().contains("\"fibra_http_requests_total\":{\"1xx\":0,\"2xx\":1,"), "{}", json.text());
    assert!(json.text().contains("\"fibra_operations_total\":"), "{}", json.text());
    assert!(text.text().contains("\nfibra_operations_total{worker=\"0\"} "), "{}", text.text());
    let head = client.head("/_fibra/metrics");
    assert_eq!(head.status, 200);
    client.request("POST", "/_fibra/metrics", &["Content-Length: 0"]);
    assert_eq!(client.response().status, 405);
    let url = format!("http://{}/_fibra/metrics", server.address);
    let with_curl = curl(&["-H", "Accept: application/json", &url]).stdout;
    assert!(with_curl.starts_with(b"{") && with_curl.ends_with(b"}\n"));
}

fn the_path_is_not_the_directorys(backend: &str) {
    let directory = Directory::new();
    directory.write("_fibra/metrics", "a file");
    directory.write("_fibra/other", "another file");
    let server = Server::start(backend, directory);
    assert!(server.get("/_fibra/metrics").text().starts_with("# HELP "));
    assert_eq!(server.get("/_fibra/other").text(), "another file");
}
