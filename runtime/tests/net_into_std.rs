//! Sockets turn into std's and back, and nothing about them changes on the way.
//!
//! What they are beside that is in `net_descriptors.rs` and `os_windows.rs`.

use fibra::{
    net::{TcpListener, TcpStream},
    thread,
};
use std::{
    io::{ErrorKind, Read, Write},
    time::Duration,
};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    (client, listener.accept().expect("there is one").0)
}

#[fibra::test]
fn the_non_blocking_mode_goes_along_to_std_and_stays_there() {
    let (client, mut server) = pair();
    client.set_nonblocking(true).unwrap();
    let std = client.into_std().unwrap();
    assert_eq!((&std).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    // Here, operations wait whatever the descriptor's mode.
    let client = TcpStream::from(std);
    let reader = thread::spawn(move || (&client).read(&mut [0]).unwrap());
    thread::sleep(Duration::from_millis(1));
    server.write_all(b"x").unwrap();
    assert_eq!(reader.join().unwrap(), 1);
}

#[fibra::test]
fn a_shared_stream_turns_into_a_duplicate() {
    let (client, mut server) = pair();
    let mut clone = client.try_clone().unwrap();
    let mut std = client.into_std().unwrap();
    server.write_all(b"12").unwrap();
    let (mut one, mut two) = ([0], [0]);
    clone.read_exact(&mut one).unwrap();
    std.read_exact(&mut two).unwrap();
    assert_eq!([one, two].concat(), b"12");
}

#[fibra::test]
fn listeners_turn_into_std_and_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let first = TcpStream::connect(address).unwrap();
    assert_eq!(listener.accept().unwrap().1, first.local_addr().unwrap());
    let std = std::net::TcpListener::from(listener);
    let second = TcpStream::connect(address).unwrap();
    assert_eq!(std.accept().unwrap().1, second.local_addr().unwrap());
    let listener = TcpListener::from(std);
    let third = TcpStream::connect(address).unwrap();
    assert_eq!(
        listener.into_incoming().next().unwrap().unwrap().peer_addr().unwrap(),
        third.local_addr().unwrap()
    );
}

#[fibra::test]
fn other_options_are_set_by_who_knows_sockets() {
    let (client, _server) = pair();
    let options = socket2::SockRef::from(&client);
    options.set_keepalive(true).unwrap();
    assert!(options.keepalive().unwrap());
}
