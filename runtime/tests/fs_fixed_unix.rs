//! A fixed file that was closed is not kept open by a worker's ring.

#![cfg(unix)]

use fibra::fs::File;
use std::{
    io::{self, Read, Write},
    os::fd::OwnedFd,
    sync::mpsc,
    time::Duration,
};

/// A pipe's reader sees the end when nobody has its writing end any more: no ring either.
#[test]
fn a_worker_that_sleeps_lets_a_fixed_file_go_that_was_closed() {
    let (mut reader, writer) = io::pipe().expect("there is one");
    let mut writer = File::from(OwnedFd::from(writer));
    writer.fix();
    let runtime = fibra::Builder::new().workers(1).build().expect("there is a backend");
    let writer = runtime.run(move || {
        writer.write_all(b"all").expect("there is a reader");
        writer
    });
    std::thread::sleep(Duration::from_millis(20));
    drop(writer);
    let (sender, end) = mpsc::channel();
    std::thread::spawn(move || {
        let mut read = Vec::new();
        let result = reader.read_to_end(&mut read);
        sender.send(result.map(|_| read)).expect("the test waits");
    });
    let read = end.recv_timeout(Duration::from_secs(10)).expect("nobody has the writing end");
    assert_eq!(read.expect("it can be read"), b"all");
}
