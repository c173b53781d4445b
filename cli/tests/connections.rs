//! A connection carries as many requests as the client likes.

#[macro_use]
mod server;

use server::{Directory, Server};

on_each_backend! {
    a_connection_is_kept_for_further_requests
    pipelined_requests_are_answered_in_order
    a_client_that_wants_the_end_gets_it
    http_1_0_ends_after_one_response
    a_client_that_has_said_all_still_gets_the_answer
    many_connections_at_once_are_all_served
}

fn serve(backend: &str) -> Server {
    let directory = Directory::new();
    for name in 0..50 {
        directory.write(&name.to_string(), format!("this is {name}"));
    }
    Server::start(backend, directory)
}

fn a_connection_is_kept_for_further_requests(backend: &str) {
    let server = serve(backend);
    let mut client = server.connect();
    for name in 0..50 {
        assert_eq!(client.get(&format!("/{name}")).text(), format!("this is {name}"));
        assert_eq!(client.get("/none").status, 404);
    }
}

fn pipelined_requests_are_answered_in_order(backend: &str) {
    let server = serve(backend);
    let mut client = server.connect();
    let requests: String =
        (0..50).map(|name| format!("GET /{name} HTTP/1.1\r\nHost: test\r\n\r\n")).collect();
    client.send(requests);
    for name in 0..50 {
        assert_eq!(client.response().text(), format!("this is {name}"));
    }
}

fn a_client_that_wants_the_end_gets_it(backend: &str) {
    let server = serve(backend);
    let mut client = server.connect();
    assert_eq!(client.get_with("/1", &["Connection: close"]).text(), "this is 1");
    assert!(client.is_closed());
}

fn http_1_0_ends_after_one_response(backend: &str) {
    let server = serve(backend);
    let mut client = server.connect();
    client.send("GET /1 HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().text(), "this is 1");
    assert!(client.is_closed());
}

fn a_client_that_has_said_all_still_gets_the_answer(backend: &str) {
    let server = serve(backend);
    let content = server::noise(16 << 20);
    server.directory.write("big", &content);
    let mut client = server.connect();
    client.request("GET", "/big", &[]);
    client.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    assert!(client.response().body == content);
    assert!(client.is_closed());
}

fn many_connections_at_once_are_all_served(backend: &str) {
    let server = serve(backend);
    let mut clients: Vec<_> = (0..200).map(|_| server.connect()).collect();
    for (name, client) in clients.iter_mut().enumerate() {
        client.request("GET", &format!("/{}", name % 50), &[]);
    }
    for (name, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.response().text(), format!("this is {}", name % 50));
    }
}
