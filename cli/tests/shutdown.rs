//! A signal ends the server in an orderly way, and two end it at once.

#[macro_use]
mod server;

use server::{Directory, Server, argument, noise, wait_until};
use std::io::Read;
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

on_each_backend! {
    a_signal_ends_an_idle_server_with_status_0
    a_download_that_is_under_way_finishes
    idle_connections_are_closed_and_new_ones_refused
    a_client_that_does_not_read_is_cut_off_in_the_end
    a_second_signal_ends_at_once
    a_terminal_that_is_closed_ends_the_server
}

fn a_signal_ends_an_idle_server_with_status_0(backend: &str) {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(backend, Directory::new());
        server.signal(signal);
        assert_eq!(server.end().code(), Some(0), "{signal}");
    }
}

/// A server with a download that has begun and that the client's and server's sockets can't hold.
fn begin_download(backend: &str, options: &[&str]) -> (Server, server::Client, Vec<u8>) {
    let (directory, content) = big_file();
    let server = Server::start_with(backend, directory, options);
    let client = begin_download_from(&server);
    (server, client, content)
}

fn big_file() -> (Directory, Vec<u8>) {
    let directory = Directory::new();
    let content = noise(32 << 20);
    directory.write("big", &content);
    (directory, content)
}

fn begin_download_from(server: &Server) -> server::Client {
    let mut client = server.connect();
    client.request("GET", "/big", &[]);
    assert_eq!(client.response_head().status, 200);
    client
}

fn refuses(server: &Server) -> bool {
    TcpStream::connect(server.address).is_err()
}

fn a_download_that_is_under_way_finishes(backend: &str) {
    let (mut server, mut client, content) = begin_download(backend, &[]);
    server.signal("TERM");
    wait_until("new connections are refused", || refuses(&server));
    let mut received = Vec::new();
    client.stream.read_to_end(&mut received).unwrap();
    assert!(received == content, "{} of {} bytes", received.len(), content.len());
    assert_eq!(server.end().code(), Some(0));
    assert_eq!(server.stderr(), "");
}

fn idle_connections_are_closed_and_new_ones_refused(backend: &str) {
    let (mut server, mut busy, content) = begin_download(backend, &[]);
    let mut idle = server.connect();
    assert_eq!(idle.get("/none").status, 404);
    let mut silent = server.connect();
    // A round trip after it: it has been accepted by now.
    assert_eq!(server.get("/none").status, 404);
    server.signal("TERM");
    assert!(idle.is_closed());
    assert!(silent.is_closed());
    wait_until("new connections are refused", || refuses(&server));
    let mut rest = Vec::new();
    busy.stream.read_to_end(&mut rest).unwrap();
    assert!(rest == content, "the refusals came from the end of the process");
    assert_eq!(server.end().code(), Some(0));
    // Nor were they closed by the end of the grace period.
    assert_eq!(server.stderr(), "");
}

fn a_client_that_does_not_read_is_cut_off_in_the_end(backend: &str) {
    let (mut server, client, _) = begin_download(backend, &["--grace", "1s"]);
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
    wait_until("it says so", || server.stderr().contains("1 connection was cut off"));
    drop(client);
}

fn a_second_signal_ends_at_once(backend: &str) {
    let (mut server, client, _) = begin_download(backend, &[]);
    server.signal("INT");
    wait_until("the shutdown has begun", || refuses(&server));
    server.signal("TERM");
    // By the signal, as a shell wants to know.
    assert_eq!(server.end().signal(), Some(15));
    drop(client);
}

fn a_terminal_that_is_closed_ends_the_server(backend: &str) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let close_on_exec = OpenptFlags::from_bits_retain(libc::O_CLOEXEC as _);
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | close_on_exec).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let (directory, content) = big_file();
    let script = format!("exec \"$0\" \"$@\" < {name}");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_fibra"), "serve", argument(&directory.path("."))]);
    command.args(["--addr", ":0"]);
    let mut server = Server::spawn(backend, directory, command);
    // To a server without a certificate, the signal alone says nothing.
    server.signal("HUP");
    let mut client = begin_download_from(&server);
    assert!(!refuses(&server));
    drop(terminal);
    server.signal("HUP");
    wait_until("new connections are refused", || refuses(&server));
    // The kernel says it to the processes in the foreground, and then the shell to its jobs.
    server.signal("HUP");
    let mut received = Vec::new();
    client.stream.read_to_end(&mut received).unwrap();
    assert!(received == content, "{} of {} bytes", received.len(), content.len());
    assert_eq!((server.end().code(), server.stderr().as_str()), (Some(0), ""));
}
