//! Datagrams, with std's interface: from green threads, futures and OS threads.

#[path = "support/everywhere.rs"]
mod callers;
#[path = "support/patience.rs"]
mod patience;

use callers::everywhere;
use fibra::{
    cancel::Cancelled,
    future,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    thread, time,
};
use std::{
    io::{self, ErrorKind},
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(3);

fn bound() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}

/// Answers until it gets nothing.
fn echo(socket: &UdpSocket) -> io::Result<usize> {
    let mut buffer = [0; 2048];
    for answered in 0.. {
        let (length, sender) = socket.recv_from(&mut buffer)?;
        if length == 0 {
            return Ok(answered);
        }
        assert_eq!(socket.send_to(&buffer[..length], sender)?, length);
    }
    unreachable!("it counts for ever")
}

#[fibra::test]
fn every_datagram_is_answered_to_its_sender() {
    const EACH: usize = 50;
    let (socket, address) = bound();
    let server = thread::spawn(move || echo(&socket));
    let clients: Vec<_> = (0..20_u8)
        .map(|client| {
            thread::spawn(move || {
                let (socket, _) = bound();
                socket.connect(address).unwrap();
                for round in 0..EACH {
                    let datagram = [client, round as u8];
                    assert_eq!(socket.send(&datagram).unwrap(), 2);
                    let mut answer = [0; 8];
                    assert_eq!(socket.recv(&mut answer).unwrap(), 2);
                    assert_eq!(answer[..2], datagram);
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    bound().0.send_to(&[], address).unwrap();
    assert_eq!(server.join().unwrap().unwrap(), 20 * EACH);
}

#[fibra::test]
async fn futures_have_their_buffers_back() {
    let socket = UdpSocket::bind_async("localhost:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let peer = UdpSocket::bind_async((address.ip(), 0)).await.unwrap();
    peer.connect_async(address).await.unwrap();
    let (sent, ping) = peer.send_async(String::from("ping")).await;
    assert_eq!((sent.unwrap(), &*ping), (4, "ping"));
    let (seen, buffer) = socket.peek_from_async(vec![0; 64]).await;
    assert_eq!(seen.unwrap(), (4, peer.local_addr().unwrap()));
    assert_eq!(socket.peek_async(vec![0; 64]).await.0.unwrap(), 4);
    let (received, buffer) = socket.recv_from_async(buffer).await;
    let (length, sender) = received.unwrap();
    assert_eq!(&buffer[..length], b"ping");
    let (sent, _) = socket.send_to_async("pong", sender).await;
    assert_eq!(sent.unwrap(), 4);
    let (received, answer) = peer.recv_async(vec![0; 4]).await;
    assert_eq!((received.unwrap(), &*answer), (4, &b"pong"[..]));
}

#[fibra::test]
fn calls_wait_wherever_they_are_made() {
    everywhere(|| {
        let (socket, address) = bound();
        let late = thread::spawn(move || {
            thread::sleep(SHORT);
            bound().0.send_to(b"late", address).unwrap();
        });
        let mut buffer = [0; 8];
        assert_eq!(socket.recv_from(&mut buffer).unwrap().0, 4);
        assert_eq!(&buffer[..4], b"late");
        late.join().unwrap();
    });
}

#[fibra::test]
fn a_receive_times_out_never_early_and_loses_nothing() {
    everywhere(|| {
        let (socket, address) = bound();
        socket.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(socket.read_timeout().unwrap(), Some(SHORT));
        let start = Instant::now();
        assert_eq!(socket.recv_from(&mut [0; 8]).unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= SHORT);
        assert_eq!(
            socket.set_read_timeout(Some(Duration::ZERO)).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        socket.send_to(b"to myself", address).unwrap();
        socket.set_read_timeout(None).unwrap();
        assert_eq!(socket.recv(&mut [0; 16]).unwrap(), 9);
    });
}

#[fibra::test]
fn in_non_blocking_mode_nobody_waits() {
    everywhere(|| {
        let (socket, address) = bound();
        socket.set_nonblocking(true).unwrap();
        assert_eq!(socket.recv_from(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(socket.peek(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(socket.send_to(b"x", address).unwrap(), 1);
        patience::eventually("it has come", || socket.peek_from(&mut [0; 8]).is_ok());
        assert_eq!(socket.recv_from(&mut [0; 8]).unwrap(), (1, address));
    });
}

#[fibra::test]
fn a_cancelled_receive_leaves_the_datagram_to_the_next() {
    let (socket, address) = bound();
    let clone = socket.try_clone().unwrap();
    let waiting = thread::spawn(move || clone.recv_from(&mut [0; 8]));
    thread::sleep(SHORT);
    waiting.cancel();
    assert!(Cancelled::caused(&waiting.join().unwrap().unwrap_err()));
    let timed = time::timeout(SHORT, || socket.recv(&mut [0; 8])).unwrap();
    assert_eq!(timed.unwrap_err().kind(), ErrorKind::TimedOut);
    socket.send_to(b"still", address).unwrap();
    assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 5);
}

#[fibra::test]
async fn a_receive_that_was_dropped_before_anything_came_takes_nothing() {
    let (socket, address) = bound();
    for _ in 0..20 {
        let mut receive = Box::pin(socket.recv_from_async(vec![0; 8]));
        assert!(futures_util::poll!(&mut receive).is_pending());
        drop(receive);
        // The kernel has answered the cancel when the next one is under way.
        assert!(time::timeout_async(SHORT, socket.recv_async(vec![0; 8])).await.is_err());
    }
    let next = future::spawn(socket.recv_from_async(vec![0; 8]));
    time::sleep(SHORT).await;
    let (sent, _) = socket.send_to_async("here", address).await;
    assert_eq!(sent.unwrap(), 4);
    let (received, buffer) = next.await.unwrap();
    assert_eq!((received.unwrap(), &buffer[..4]), ((4, address), &b"here"[..]));
}

#[fibra::test]
fn each_datagram_goes_to_one_of_those_who_wait() {
    const DATAGRAMS: usize = 100;
    let (socket, address) = bound();
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            let socket = socket.try_clone().unwrap();
            thread::spawn(move || {
                let mut numbers = Vec::new();
                loop {
                    let mut number = [0];
                    match socket.recv(&mut number).unwrap() {
                        0 => return numbers,
                        _ => numbers.push(number[0]),
                    }
                }
            })
        })
        .collect();
    let (sender, _) = bound();
    for number in 0..DATAGRAMS {
        sender.send_to(&[number as u8], address).unwrap();
        // What is not taken in time may be lost: it is no stream.
        if number % 10 == 0 {
            thread::sleep(SHORT);
        }
    }
    for _ in &receivers {
        sender.send_to(&[], address).unwrap();
    }
    let mut numbers: Vec<_> = receivers.into_iter().flat_map(|receiver| receiver.join().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..DATAGRAMS as u8).collect::<Vec<_>>());
}

#[fibra::test]
fn what_is_too_long_is_refused_and_what_does_not_fit_is_cut() {
    let (socket, address) = bound();
    socket.send_to(&vec![0; 100_000], address).unwrap_err();
    assert_eq!(socket.send_to(&[7; 60_000], address).unwrap(), 60_000);
    let mut buffer = [0; 10];
    assert_eq!(socket.recv_from(&mut buffer).unwrap(), (10, address));
    assert_eq!(buffer, [7; 10]);
}

#[fibra::test]
fn addresses_are_tried_and_named() {
    let (taken, address) = bound();
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let socket = UdpSocket::bind(&[address, free][..]).unwrap();
    assert_ne!(socket.local_addr().unwrap(), address);
    assert_eq!(UdpSocket::bind(&[] as &[SocketAddr]).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(socket.send_to(b"x", &[] as &[SocketAddr]).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(socket.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
    socket.connect(address).unwrap();
    assert_eq!(socket.peer_addr().unwrap(), address);
    assert!(format!("{taken:?}").starts_with(&format!("UdpSocket {{ addr: {address}, fd: ")));
}

#[fibra::test]
fn it_becomes_stds_and_comes_back() {
    let (socket, address) = bound();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let socket = std::net::UdpSocket::from(socket);
    assert_eq!(socket.read_timeout().unwrap(), Some(Duration::from_secs(5)));
    socket.set_nonblocking(true).unwrap();
    let socket = UdpSocket::from(socket);
    assert_eq!(socket.read_timeout().unwrap(), Some(Duration::from_secs(5)));
    socket.send_to(b"back", address).unwrap();
    assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 4);
    let clone = socket.try_clone().unwrap();
    let duplicate = socket.into_std().unwrap();
    assert_eq!(duplicate.local_addr().unwrap(), clone.local_addr().unwrap());
}
