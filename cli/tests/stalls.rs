//! A worker that is stuck is told on standard error, and others do its work.
//!
//! It is stuck in writing to a named pipe.
#![cfg(unix)]

#[macro_use]
mod server;

use server::{Directory, STALL, Server, argument, wait_until};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

on_each_backend! {
    a_worker_that_is_stuck_is_a_line
}

const STUCK: &str = " is stuck in green thread 'main', for ";

/// A named pipe that takes nothing more, by a descriptor that never waits.
fn full_pipe(directory: &Directory) -> (String, File) {
    let path = directory.outside("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut pipe = File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
    // Whole pages, so that none is left with some space.
    while pipe.write(&[b'\n'; 4096]).is_ok() {}
    (argument(&path).to_owned(), pipe)
}

/// Who writes to a pipe that is full and not read is stuck: here it is the green thread that accepts, which wants to tell that
/// there are as many connections as may be.
fn a_worker_that_is_stuck_is_a_line(backend: &str) {
    let directory = Directory::new();
    let (path, mut pipe) = full_pipe(&directory);
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" 2> \"$PIPE\"", env!("CARGO_BIN_EXE_fibra"), "serve"]);
    command.arg(directory.path(".")).args(["--addr", ":0", "--workers", "2", "--max-connections", "1"]);
    command.env("PIPE", path).env_remove("FIBRA_WORKERS");
    let mut server = Server::spawn(backend, directory, command);
    let mut client = server.connect();
    wait_until("the other worker tells of it", || {
        !client.get("/_fibra/metrics").text().contains("\nfibra_stalls_total 0\n")
    });
    let mut told = String::new();
    wait_until("there is a line", || {
        read_on(&mut pipe, &mut told);
        told.contains(STUCK) && told.ends_with('\n')
    });
    wait_until("the worker goes on", || {
        client.get("/_fibra/metrics").text().contains("\nfibra_stuck_workers 0\n")
    });
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
    read_on(&mut pipe, &mut told);
    assert!(told.contains("1 connections are open"), "{told}");
    // Nothing is said of its end. Others may be found on a machine that is busy enough.
    let lines: Vec<_> = told.lines().filter(|line| line.contains("green thread 'main'")).collect();
    let [line] = lines[..] else { panic!("one line is expected: {lines:?}") };
    assert!(line.starts_with(STALL) && line.contains(STUCK) && line.contains("; at "), "{line}");
}

/// Takes what there is.
fn read_on(pipe: &mut File, told: &mut String) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = pipe.read(&mut bytes) {
        told.push_str(str::from_utf8(&bytes[..count]).unwrap());
    }
}
