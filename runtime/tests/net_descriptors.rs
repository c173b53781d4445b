//! Sockets are descriptors, and turn into std's types and back.
//!
//! Those of Windows are in `os_windows.rs`.
#![cfg(unix)]

use fibra::net::{TcpListener, TcpStream};
use std::{
    io::{Read, Write},
    os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd},
    time::Duration,
};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    (client, listener.accept().expect("there is one").0)
}

#[fibra::test]
fn descriptors_are_lent() {
    let (client, _server) = pair();
    assert_eq!(client.as_fd().as_raw_fd(), client.as_raw_fd());
}

#[fibra::test]
fn a_listener_leaves_in_the_mode_that_it_came_in() {
    let std = std::net::TcpListener::from(TcpListener::bind("127.0.0.1:0").unwrap());
    assert!(!socket2::SockRef::from(&std).nonblocking().unwrap());
}

#[fibra::test]
fn a_duplicate_has_a_number_of_its_own() {
    let (client, _server) = pair();
    let clone = client.try_clone().unwrap();
    assert_ne!(client.into_std().unwrap().as_raw_fd(), clone.as_raw_fd());
}

#[fibra::test]
fn streams_turn_into_std_and_back() {
    let (client, mut server) = pair();
    client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    server.write_all(b"12").unwrap();
    assert_eq!((&client).read(&mut [0]).unwrap(), 1);
    let number = client.as_raw_fd();

    let std = std::net::TcpStream::from(client);
    assert_eq!(std.as_raw_fd(), number);
    assert_eq!(std.read_timeout().unwrap(), Some(Duration::from_secs(60)));
    assert!(!socket2::SockRef::from(&std).nonblocking().unwrap());
    assert_eq!((&std).read(&mut [0]).unwrap(), 1);

    let mut client = TcpStream::from(std);
    assert_eq!(client.read_timeout().unwrap(), Some(Duration::from_secs(60)));
    server.write_all(b"3").unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 1);
    client = TcpStream::from(OwnedFd::from(client));
    // SAFETY: the number was just given away by its owner.
    client = unsafe { TcpStream::from_raw_fd(client.into_raw_fd()) };
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

/// What is no socket fails when it is used, and is given back unharmed.
#[fibra::test]
fn a_descriptor_of_something_else_is_an_error_later() {
    let mut stream = TcpStream::from(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()));
    assert_eq!(stream.read(&mut [0]).unwrap_err().raw_os_error(), Some(libc::ENOTSOCK));
    assert!(stream.peer_addr().is_err());
    assert!(OwnedFd::from(stream).as_raw_fd() >= 0);
    let listener = TcpListener::from(OwnedFd::from(pair().0));
    assert_eq!(listener.accept().unwrap_err().raw_os_error(), Some(libc::EINVAL));
}

#[fibra::test]
fn debug_says_who_is_connected_to_whom() {
    let (client, server) = pair();
    let (addr, peer, fd) = (client.local_addr().unwrap(), server.local_addr().unwrap(), client.as_raw_fd());
    assert_eq!(format!("{client:?}"), format!("TcpStream {{ addr: {addr}, peer: {peer}, fd: {fd} }}"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (addr, fd) = (listener.local_addr().unwrap(), listener.as_raw_fd());
    assert_eq!(format!("{listener:?}"), format!("TcpListener {{ addr: {addr}, fd: {fd} }}"));
}
