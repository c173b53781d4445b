//! Datagrams of Unix sockets: each arrives whole and in order, with its sender's name, and waits for room.
#![cfg(unix)]

#[path = "support/scratch.rs"]
mod scratch;

use fibra::{
    future,
    net::{Shutdown, unix::UnixDatagram},
    thread,
};
use scratch::Scratch;
use std::{io::ErrorKind, time::Duration};

const MOMENT: Duration = Duration::from_millis(2);

#[fibra::test]
fn threads_are_told_who_has_sent_what() {
    let scratch = Scratch::new();
    let (server, client) = (scratch.join("server"), scratch.join("client"));
    let socket = UnixDatagram::bind(&server).unwrap();
    let answering = thread::spawn(move || {
        let mut buffer = [0; 512];
        let (length, sender) = socket.recv_from(&mut buffer).unwrap();
        socket.send_to_addr(&buffer[..length], &sender).unwrap();
        let (_, sender) = socket.recv_from(&mut buffer).unwrap();
        assert!(sender.is_unnamed());
    });
    let named = UnixDatagram::bind(&client).unwrap();
    named.connect(&server).unwrap();
    assert_eq!(named.peer_addr().unwrap().as_pathname(), Some(&*server));
    assert_eq!(named.local_addr().unwrap().as_pathname(), Some(&*client));
    assert_eq!(named.send(b"ping").unwrap(), 4);
    let mut answer = [0; 3];
    // What there is no room for is lost.
    assert_eq!((named.recv(&mut answer).unwrap(), &answer), (3, b"pin"));
    UnixDatagram::unbound().unwrap().send_to(b"who?", &server).unwrap();
    answering.join().unwrap();
}

#[fibra::test]
async fn futures_are_told_who_has_sent_what() {
    let scratch = Scratch::new();
    let (server, client) = (scratch.join("server"), scratch.join("client"));
    let (socket, named) = (UnixDatagram::bind(&server).unwrap(), UnixDatagram::bind(&client).unwrap());
    let receiving = future::spawn(socket.recv_from_async(vec![0; 512]));
    assert_eq!(named.send_to_async("ping", &server).await.0.unwrap(), 4);
    let (received, buffer) = receiving.await.unwrap();
    let (length, sender) = received.unwrap();
    assert_eq!((&buffer[..length], sender.as_pathname()), (&b"ping"[..], Some(&*client)));
    assert_eq!(socket.send_to_addr_async(vec![7; 100], &sender).await.0.unwrap(), 100);
    assert_eq!(named.recv_async(vec![0; 512]).await.0.unwrap(), 100);
    let (error, given_back) = named.send_to_async("x", "y".repeat(200)).await;
    assert_eq!((error.unwrap_err().kind(), given_back), (ErrorKind::InvalidInput, "x"));
}

#[fibra::test]
fn a_pair_talks_until_it_is_shut_down() {
    let (one, other) = UnixDatagram::pair().unwrap();
    one.send(b"").unwrap();
    one.send(b"two").unwrap();
    assert_eq!((other.recv(&mut [0; 8]).unwrap(), other.recv(&mut [0; 8]).unwrap()), (0, 3));
    other.set_read_timeout(Some(MOMENT)).unwrap();
    assert_eq!(other.recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::TimedOut);
    one.shutdown(Shutdown::Both).unwrap();
    assert_eq!(one.send(b"three").unwrap_err().kind(), ErrorKind::BrokenPipe);
    let std = other.into_std().unwrap();
    assert!(std.read_timeout().unwrap() >= Some(MOMENT));
    assert!(UnixDatagram::from(std).take_error().unwrap().is_none());
}
