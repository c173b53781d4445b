//! Files that are sent over connections.

use fibra::{
    cancel::Cancelled,
    fs::File,
    net::{TcpListener, TcpStream},
    thread,
};
use std::{
    io::{ErrorKind, Read, Write},
    ops::Bound,
    time::Duration,
};

#[path = "support/scratch.rs"]
mod scratch;
use scratch::Scratch;

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    (client, listener.accept().expect("there is one").0)
}

/// More than connections hold without a reader.
fn much() -> Vec<u8> {
    (0..16_u32 << 20).map(|index| (index % 251) as u8).collect()
}

fn file_of(scratch: &Scratch, bytes: &[u8]) -> File {
    let path = scratch.join("file");
    std::fs::write(&path, bytes).expect("the directory is ours");
    File::open(path).expect("it was written")
}

/// Reads until the end.
fn reader(mut stream: TcpStream) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("the peer is there");
        bytes
    })
}

#[fibra::test]
fn a_file_arrives_as_it_is() {
    let scratch = Scratch::new();
    let bytes = much();
    let file = file_of(&scratch, &bytes);
    let (here, there) = pair();
    let reader = reader(there);
    (&here).write_all(b"head").unwrap();
    assert_eq!(here.send_file(&file, ..).unwrap(), bytes.len() as u64);
    assert_eq!(fibra::wait(here.send_file_async(&file, ..)).unwrap(), bytes.len() as u64);
    (&here).write_all(b"tail").unwrap();
    drop(here);
    assert!(reader.join().unwrap() == [b"head", &bytes[..], &bytes, b"tail"].concat());
}

#[fibra::test]
fn a_range_is_sent_as_far_as_the_file_goes() {
    let scratch = Scratch::new();
    let file = file_of(&scratch, b"0123456789");
    let (here, there) = pair();
    let reader = reader(there);
    assert_eq!(here.send_file(&file, 2..4).unwrap(), 2);
    assert_eq!(here.send_file(&file, 8..).unwrap(), 2);
    assert_eq!(fibra::wait(here.send_file_async(&file, ..=0)).unwrap(), 1);
    assert_eq!(fibra::wait(here.send_file_async(&file, 5..=u64::MAX)).unwrap(), 5);
    assert_eq!(here.send_file(&file, (Bound::Excluded(8), Bound::Unbounded)).unwrap(), 1);
    for nothing in [3..3, 10..11, u64::MAX..u64::MAX] {
        assert_eq!(here.send_file(&file, nothing.clone()).unwrap(), 0);
        assert_eq!(fibra::wait(here.send_file_async(&file, nothing)).unwrap(), 0);
    }
    drop(here);
    assert_eq!(reader.join().unwrap(), b"23890567899");
}

#[fibra::test]
fn nobody_waits_for_a_peer_that_does_not_read_longer_than_he_wants() {
    let scratch = Scratch::new();
    let file = file_of(&scratch, &much());
    let (here, _there) = pair();
    here.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
    // What the system had taken by then may be told; then the next one tells of the timeout.
    let mut ends = (0..64).map(|_| here.send_file(&file, ..));
    let error = ends.find_map(Result::err).expect("nobody reads");
    assert_eq!(error.kind(), ErrorKind::TimedOut);

    let (here, _there) = pair();
    let sender = thread::spawn(move || {
        loop {
            if let Err(error) = here.send_file(&file, ..) {
                return error;
            }
        }
    });
    thread::sleep(Duration::from_millis(20));
    sender.cancel();
    assert!(Cancelled::caused(&sender.join().unwrap()));
}

#[fibra::test]
fn a_future_that_is_dropped_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let file = file_of(&scratch, &much());
    let (here, there) = pair();
    let race =
        fibra::wait(fibra::time::timeout_async(Duration::from_millis(20), here.send_file_async(&file, ..)));
    race.unwrap_err();
    drop((here, file));
    // The peer sees an end, of whatever kind: nobody keeps the connection.
    let _ = { there }.read_to_end(&mut Vec::new());
}
