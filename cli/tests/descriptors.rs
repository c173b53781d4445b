//! When descriptors run out, accepting pauses without spinning, goes on later, and the clients that are served notice
//! nothing.
//!
//! Windows limits handles by memory alone.
#![cfg(unix)]

#[macro_use]
mod server;

use server::{Client, Directory, Server, fibra, wait_until};
use std::io::Read;
use std::process::Command;
use std::time::Duration;

on_each_backend! {
    connections_that_are_too_many_wait_and_the_others_live
    a_refused_accept_pauses_and_resumes
}

/// A server with room for few descriptors, `inherited` of which are taken already.
fn serve(backend: &str, inherited: u32) -> Server {
    let directory = Directory::new();
    directory.write("a.txt", "text");
    let file = directory.path("a.txt");
    let taken: String =
        (0..inherited).map(|number| format!("exec {}<'{}'; ", number + 10, file.display())).collect();
    let mut command = Command::new("bash");
    let program = fibra(&[]).get_program().to_owned();
    command.arg("-c").arg(format!("ulimit -n 64; {taken} exec \"$0\" serve \"$1\" --addr :0 --workers 2"));
    command.arg(program).arg(directory.path("."));
    Server::spawn(backend, directory, command)
}

/// More clients than the server can have, each with a request under way; those that got an answer are in front.
fn crowd(server: &Server) -> (Vec<Client>, Vec<Client>) {
    let mut clients: Vec<_> = (0..80).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.request("GET", "/a.txt", &[]);
    }
    wait_until("the server says that it is full", || !server.stderr().is_empty());
    let (mut served, mut waiting) = (Vec::new(), Vec::new());
    for client in clients {
        client.stream.get_ref().set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut byte = [0];
        let has_answer = waiting.is_empty() && client.stream.get_ref().peek(&mut byte).is_ok();
        client.stream.get_ref().set_read_timeout(Some(server::PATIENCE)).unwrap();
        if has_answer {
            served.push(client);
        } else {
            waiting.push(client);
        }
    }
    (served, waiting)
}

/// While it has no room, the server sleeps: it uses a few ticks of processor time, not a share of the time that passes.
fn does_not_spin(server: &Server) {
    let (before, pause) = (server.cpu_time(), Duration::from_secs(3));
    std::thread::sleep(pause);
    let used = server.cpu_time() - before;
    assert!(used < pause / 60, "{used:?} of {pause:?}");
}

fn connections_that_are_too_many_wait_and_the_others_live(backend: &str) {
    let server = serve(backend, 0);
    let (mut served, mut waiting) = crowd(&server);
    assert!(!served.is_empty() && !waiting.is_empty());
    does_not_spin(&server);
    for client in &mut served {
        assert_eq!(client.response().text(), "text");
        assert_eq!(client.get("/a.txt").text(), "text");
    }
    drop(served);
    // One after the other: more than the server can have at once are waiting.
    while !waiting.is_empty() {
        let mut client = waiting.remove(0);
        assert_eq!(client.response().text(), "text");
    }
    assert_eq!(server.stderr().lines().count(), 1, "{}", server.stderr());
    assert!(server.stderr().contains("connections are open, more have to wait"), "{}", server.stderr());
}

fn a_refused_accept_pauses_and_resumes(backend: &str) {
    let server = serve(backend, 38);
    std::fs::File::create(server.directory.path("big")).unwrap().set_len(32 << 20).unwrap();
    let mut download = server.connect();
    download.request("GET", "/big", &[]);
    assert_eq!(download.response_head().status, 200);
    let (mut served, mut waiting) = crowd(&server);
    assert!(!waiting.is_empty());
    assert!(server.stderr().contains("no connection can be accepted, trying again: "), "{}", server.stderr());
    does_not_spin(&server);
    let mut received = vec![1; 32 << 20];
    download.stream.read_exact(&mut received).unwrap();
    assert!(received.iter().all(|&byte| byte == 0));
    for client in &mut served {
        // Connected, and answered: with no descriptor left for a file, that is "try again".
        let first = client.response();
        assert!([200, 503].contains(&first.status), "{}", first.status);
    }
    drop((served, download));
    while !waiting.is_empty() {
        let mut client = waiting.remove(0);
        let response = client.response();
        assert!([200, 503].contains(&response.status), "{}", response.status);
    }
    assert_eq!(server.get("/a.txt").text(), "text");
    assert_eq!(server.stderr().lines().count(), 1, "{}", server.stderr());
}
