//! Datagrams of Unix sockets: each arrives whole and in order, with its sender's name, and waits for room.
#![cfg(unix)]

#[path = "support/scratch.rs"]
mod scratch;

use fibra::{
    cancel::Cancelled,
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

#[cfg(target_os = "linux")]
#[fibra::test]
fn who_sends_to_a_full_queue_waits_and_can_be_cancelled() {
    let scratch = Scratch::new();
    let path = scratch.join("queue");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    let mut queued = 0u32;
    while sender.send_to(&queued.to_ne_bytes(), &path).is_ok() {
        queued += 1;
    }
    sender.set_nonblocking(false).unwrap();
    sender.set_write_timeout(Some(MOMENT)).unwrap();
    assert_eq!(sender.send_to(b"late", &path).unwrap_err().kind(), ErrorKind::TimedOut);
    sender.set_write_timeout(None).unwrap();
    let send = || {
        let (sender, path) = (sender.try_clone().unwrap(), path.clone());
        thread::spawn(move || sender.send_to(&queued.to_ne_bytes(), path))
    };
    let cancelled = send();
    thread::sleep(MOMENT);
    cancelled.cancel();
    assert!(Cancelled::caused(&cancelled.join().unwrap().unwrap_err()));
    let (waiting, waiting_future) =
        (send(), future::spawn(sender.send_to_async((queued + 1).to_ne_bytes().to_vec(), path.clone())));
    thread::sleep(MOMENT);
    assert!(!waiting.is_finished() && !waiting_future.is_finished());
    let mut numbers: Vec<u32> = (0..queued + 2)
        .map(|_| {
            let mut number = [0; 4];
            assert_eq!(receiver.recv(&mut number).unwrap(), 4);
            u32::from_ne_bytes(number)
        })
        .collect();
    waiting.join().unwrap().unwrap();
    fibra::wait(waiting_future).unwrap().0.unwrap();
    // The last two have waited side by side.
    numbers[queued as usize..].sort_unstable();
    assert!(numbers.into_iter().eq(0..queued + 2), "none is lost, and none came twice");
}

#[cfg(target_os = "linux")]
#[fibra::test]
fn who_is_connected_with_a_full_queue_waits_and_sends_every_byte() {
    let scratch = Scratch::new();
    let receiver = UnixDatagram::bind(scratch.join("queue")).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.connect(scratch.join("queue")).unwrap();
    // Many times what the queue holds.
    const COUNT: u32 = 5_000;
    let sending = thread::spawn(move || {
        for number in 0..COUNT {
            let datagram = number.to_ne_bytes();
            let sent = match number % 2 {
                0 => sender.send(&datagram),
                _ => fibra::wait(sender.send_async(datagram.to_vec())).0,
            };
            assert_eq!(sent.unwrap(), 4);
        }
    });
    thread::sleep(MOMENT);
    for number in 0..COUNT {
        let mut datagram = [0; 8];
        assert_eq!(receiver.recv(&mut datagram).unwrap(), 4);
        assert_eq!(datagram[..4], number.to_ne_bytes());
    }
    sending.join().unwrap();
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
