//! `fibra call` lists and calls the functions of a program that serves its registry.

mod server;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use fibra::registry::{Registry, typed};
use server::{failure, fibra};

#[fibra::register]
fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[fibra::register(name = "text.later")]
async fn later(text: String) -> String {
    fibra::time::sleep(Duration::from_millis(1)).await;
    text
}

#[fibra::register]
fn fail(text: String) {
    panic!("{text}")
}

#[fibra::register]
async fn never() {
    std::future::pending().await
}

/// A program, as far as its callers can see.
fn program() -> SocketAddr {
    let registry = Registry::collect().expect("each name once");
    registry.register("age", typed(|since: std::time::Instant| since.elapsed())).expect("a new name");
    serve(move |stream| registry.serve(BufReader::new(stream), stream).expect("a whole message"))
}

/// Serves each connection, one after the other.
fn serve(serve: impl Fn(&std::net::TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().for_each(|stream| serve(&stream.unwrap())));
    address
}

fn call(address: SocketAddr, arguments: &[&str]) -> String {
    let output = fibra(&["call", "--addr", &address.to_string()]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refusal(address: SocketAddr, arguments: &[&str]) -> String {
    let (status, message) = failure(fibra(&["call", "--addr", &address.to_string()]).args(arguments));
    assert_eq!(status, 1);
    message
}

#[test]
fn without_a_name_all_are_listed() {
    let expected = "add: fn(i64, i64) -> i64\n\
                    age: fn(Instant) -> Duration (typed calls only)\n\
                    fail: fn(String) -> ()\n\
                    never: fn() -> ()\n\
                    text.later: fn(String) -> String\n";
    assert_eq!(call(program(), &[]), expected);
}

#[test]
fn the_result_of_a_call_is_printed_as_json() {
    let address = program();
    assert_eq!(call(address, &["add", "[1, -3]"]), "-2\n");
    assert_eq!(call(address, &["text.later", "[\"hey\"]"]), "\"hey\"\n");
}

#[test]
fn what_was_wrong_is_one_line_and_a_status() {
    let address = program();
    assert_eq!(refusal(address, &["ad", "[1, 2]"]), "fibra: no function is called `ad`; there is `add`\n");
    let count = "fibra: `add`, fn(i64, i64) -> i64, expects 2 argument(s), given 0\n";
    assert_eq!(refusal(address, &["add"]), count);
    assert_eq!(refusal(address, &["fail", "[\"oh\"]"]), "fibra: the task panicked: oh\n");
}

#[test]
fn arguments_that_are_no_json_are_a_usage_error() {
    let (status, message) = failure(&mut fibra(&["call", "add", "1, 2"]));
    assert_eq!(status, 2);
    assert!(message.contains("this is no JSON: trailing characters"), "{message}");
}

#[test]
fn a_program_that_is_not_there_or_is_another_one_is_named() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(refusal(nobody, &[]).starts_with(&format!("fibra: no answer from {nobody}: ")));
    let silent = serve(|stream| drop(BufReader::new(stream).read_line(&mut String::new())));
    assert_eq!(refusal(silent, &[]), format!("fibra: no answer from {silent}: it closed the connection\n"));
    let other = serve(|mut stream| {
        BufReader::new(stream).read_line(&mut String::new()).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    assert!(refusal(other, &[]).starts_with(&format!("fibra: {other} doesn't speak JSON-RPC: ")));
}

#[test]
fn an_answer_that_takes_too_long_is_not_waited_for() {
    let address = program();
    let message = refusal(address, &["--timeout", "10ms", "never"]);
    assert_eq!(message, format!("fibra: no answer from {address}: it took too long\n"));
}
