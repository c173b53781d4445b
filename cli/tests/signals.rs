//! What signals tell the server, and a terminal that is gone.
//!
//! Windows has neither.
#![cfg(unix)]

#[macro_use]
mod server;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use server::{Directory, Server, argument, noise, wait_until};
use std::io::Read;
use std::net::TcpStream;
use std::process::Command;

on_each_backend! {
    a_signal_ends_an_idle_server_with_status_0
    a_terminal_that_is_closed_ends_the_server
}

fn a_signal_ends_an_idle_server_with_status_0(backend: &str) {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(backend, Directory::new());
        server.signal(signal);
        assert_eq!(server.end().code(), Some(0), "{signal}");
    }
}

fn a_terminal_that_is_closed_ends_the_server(backend: &str) {
    let close_on_exec = OpenptFlags::from_bits_retain(libc::O_CLOEXEC as _);
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | close_on_exec).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let (directory, content) = (Directory::new(), noise(32 << 20));
    directory.write("big", &content);
    let script = format!("exec \"$0\" \"$@\" < {name}");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_fibra"), "serve", argument(&directory.path("."))]);
    command.args(["--addr", ":0"]);
    let mut server = Server::spawn(backend, directory, command);
    // To a server without a certificate, the signal alone says nothing.
    server.signal("HUP");
    let mut client = server.connect();
    client.request("GET", "/big", &[]);
    assert_eq!(client.response_head().status, 200);
    let refuses = || TcpStream::connect(server.address).is_err();
    assert!(!refuses());
    drop(terminal);
    // Again and again: a child that another test is starting may hold the terminal for a moment, from its fork to its exec.
    wait_until("new connections are refused", || {
        server.signal("HUP");
        refuses()
    });
    // The kernel says it to the processes in the foreground, and then the shell to its jobs.
    server.signal("HUP");
    let mut received = Vec::new();
    client.stream.read_to_end(&mut received).unwrap();
    assert!(received == content, "{} of {} bytes", received.len(), content.len());
    assert_eq!((server.end().code(), server.stderr().as_str()), (Some(0), ""));
}
