//! Unix sockets: bytes come back as they went out, names are what they were, and nothing is lost by a cancel.
#![cfg(unix)]

#[path = "support/patience.rs"]
mod patience;
#[path = "support/scratch.rs"]
mod scratch;

use fibra::{
    cancel::Cancelled,
    future,
    net::{
        Shutdown,
        unix::{UnixListener, UnixStream},
    },
    thread, time,
};
use patience::eventually;
use scratch::Scratch;
use std::{
    future::{Future, poll_fn},
    io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net,
    },
    pin::Pin,
    task::Poll,
    time::Duration,
};

const MOMENT: Duration = Duration::from_millis(2);

/// More than a socket's buffers hold.
const BIG: usize = 1_500_000;

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|place| (place / 251) as u8 ^ place as u8).collect()
}

/// A listener whose backlog is full, and who fills it.
fn full(scratch: &Scratch) -> (UnixListener, net::UnixStream) {
    let listener = net::UnixListener::bind(scratch.join("full")).unwrap();
    // SAFETY: no pointers.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let first = net::UnixStream::connect(scratch.join("full")).unwrap();
    (listener.into(), first)
}

#[fibra::test]
fn threads_get_back_what_they_have_sent() {
    let scratch = Scratch::new();
    let listener = UnixListener::bind(scratch.join("echo")).unwrap();
    let echo = thread::spawn(move || -> io::Result<()> {
        for stream in listener.incoming().take(2) {
            let stream = stream?;
            io::copy(&mut &stream, &mut &stream)?;
            stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    });
    for length in [1, BIG] {
        let stream = UnixStream::connect(scratch.join("echo")).unwrap();
        let (sent, mut received) = (bytes(length), Vec::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                (&stream).write_all(&sent).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
            });
            (&stream).read_to_end(&mut received).unwrap();
        });
        assert!(sent == received, "{length} bytes came back changed");
    }
    echo.join().unwrap().unwrap();
}

#[fibra::test]
async fn futures_get_back_what_they_have_sent() {
    let scratch = Scratch::new();
    let listener = UnixListener::bind(scratch.join("echo")).unwrap();
    let echo = future::spawn(async move {
        let (stream, peer) = listener.accept_async().await?;
        assert!(peer.is_unnamed());
        let (read, all) = stream.read_exact_async(vec![0; BIG]).await;
        read?;
        stream.write_all_async(all).await.0
    });
    let stream = UnixStream::connect_async(scratch.join("echo")).await.unwrap();
    stream.write_all_async(bytes(BIG)).await.0.unwrap();
    let (read, received) = stream.read_exact_async(vec![0; BIG]).await;
    read.unwrap();
    assert!(received == bytes(BIG));
    assert_eq!(stream.read_async(vec![0; 8]).await.0.unwrap(), 0, "the end");
    echo.await.unwrap().unwrap();
}

#[fibra::test]
async fn several_buffers_are_filled_and_sent_in_turn() {
    let (mut one, mut other) = UnixStream::pair().unwrap();
    assert_eq!(one.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cde")]).unwrap(), 5);
    let (mut first, mut second) = ([0; 1], [0; 8]);
    let read = other.read_vectored(&mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)]);
    assert_eq!((read.unwrap(), &first, &second[..4]), (5, b"a", &b"bcde"[..]));
    assert_eq!(other.write_vectored_async(vec!["fg", "hij"]).await.0.unwrap(), 5);
    let (read, buffers) = one.read_vectored_async(vec![vec![0; 2], vec![0; 3]]).await;
    assert_eq!((read.unwrap(), buffers), (5, vec![b"fg".to_vec(), b"hij".to_vec()]));
}

#[fibra::test]
fn addresses_are_those_that_std_tells() {
    let scratch = Scratch::new();
    let listener = UnixListener::bind(scratch.join("name")).unwrap();
    assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*scratch.join("name")));
    let client = UnixStream::connect(scratch.join("name")).unwrap();
    assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*scratch.join("name")));
    assert!(client.local_addr().unwrap().is_unnamed());
    let (server, peer) = listener.accept().unwrap();
    assert!(peer.is_unnamed() && server.peer_addr().unwrap().is_unnamed());
    let shown = format!("{listener:?}, {client:?}");
    assert!(shown.contains("UnixListener") && shown.contains("/name"), "{shown}");
}

#[fibra::test]
fn a_client_with_a_name_is_told_by_it() {
    let scratch = Scratch::new();
    let listener = UnixListener::bind(scratch.join("server")).unwrap();
    let client = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    client.bind(&socket2::SockAddr::unix(scratch.join("client")).unwrap()).unwrap();
    client.connect(&socket2::SockAddr::unix(scratch.join("server")).unwrap()).unwrap();
    assert_eq!(listener.accept().unwrap().1.as_pathname(), Some(&*scratch.join("client")));
}

#[fibra::test]
async fn what_is_no_address_is_an_error_and_no_connection() {
    let scratch = Scratch::new();
    let kind = |result: io::Result<UnixStream>| result.unwrap_err().kind();
    let long = "x".repeat(200);
    for name in [&*long, "zero\0within"] {
        assert_eq!(kind(UnixStream::connect(name)), ErrorKind::InvalidInput);
        assert_eq!(kind(UnixStream::connect_async(name).await), ErrorKind::InvalidInput);
        assert_eq!(UnixListener::bind(name).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(kind(UnixStream::connect(scratch.join("nothing"))), ErrorKind::NotFound);
    drop(UnixListener::bind(scratch.join("left")).unwrap());
    assert_eq!(kind(UnixStream::connect(scratch.join("left"))), ErrorKind::ConnectionRefused);
    assert_eq!(kind(UnixStream::connect_async(scratch.join("left")).await), ErrorKind::ConnectionRefused);
    assert_eq!(UnixListener::bind(scratch.join("left")).unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[fibra::test]
fn a_connect_waits_while_too_many_wait_to_be_accepted() {
    let scratch = Scratch::new();
    let (listener, _first) = full(&scratch);
    let path = scratch.join("full");
    let waiting = thread::spawn({
        let path = path.clone();
        move || UnixStream::connect(path)
    });
    let waiting_future = future::spawn(UnixStream::connect_async(path));
    thread::sleep(MOMENT);
    assert!(!waiting.is_finished() && !waiting_future.is_finished());
    for _ in 0..3 {
        drop(listener.accept().unwrap());
    }
    drop(waiting.join().unwrap().unwrap());
    drop(fibra::wait(waiting_future).unwrap().unwrap());
}

#[fibra::test]
fn a_connect_that_waits_can_be_cancelled() {
    let scratch = Scratch::new();
    let (listener, _first) = full(&scratch);
    let path = scratch.join("full");
    let waiting = thread::spawn(move || UnixStream::connect(path));
    thread::sleep(MOMENT);
    waiting.cancel();
    assert!(Cancelled::caused(&waiting.join().unwrap().unwrap_err()));
    // Whoever connects now is the next one, and not behind somebody who has left.
    drop(listener.accept().unwrap());
    let mut next = UnixStream::connect(scratch.join("full")).unwrap();
    listener.accept().unwrap().0.write_all(b"!").unwrap();
    assert_eq!(next.read(&mut [0; 8]).unwrap(), 1);
}

#[fibra::test]
async fn a_dropped_accept_loses_no_connection() {
    let scratch = Scratch::new();
    let listener = UnixListener::bind(scratch.join("accept")).unwrap();
    let mut dropped: Pin<Box<_>> = Box::pin(listener.accept_async());
    let begun = poll_fn(|context| Poll::Ready(dropped.as_mut().poll(context))).await;
    assert!(begun.is_pending());
    time::sleep(MOMENT).await;
    let mut client = net::UnixStream::connect(scratch.join("accept")).unwrap();
    time::sleep(MOMENT).await;
    drop(dropped);
    let (stream, _) = listener.accept_async().await.unwrap();
    client.write_all(b"ping").unwrap();
    assert_eq!(stream.read_async(vec![0; 8]).await.0.unwrap(), 4);
}

#[fibra::test]
fn a_cancelled_read_takes_nothing() {
    let (mut one, mut other) = UnixStream::pair().unwrap();
    let mut clone = other.try_clone().unwrap();
    let reading = thread::spawn(move || clone.read(&mut [0; 8]));
    thread::sleep(MOMENT);
    reading.cancel();
    assert!(Cancelled::caused(&reading.join().unwrap().unwrap_err()));
    one.write_all(b"ping").unwrap();
    assert_eq!(other.read(&mut [0; 8]).unwrap(), 4);
}

#[fibra::test]
fn time_limits_and_the_mode_are_kept_by_std() {
    let (mut one, _other) = UnixStream::pair().unwrap();
    assert_eq!(one.set_read_timeout(Some(Duration::ZERO)).unwrap_err().kind(), ErrorKind::InvalidInput);
    one.set_read_timeout(Some(MOMENT)).unwrap();
    one.set_write_timeout(Some(2 * MOMENT)).unwrap();
    assert_eq!(one.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    one.set_nonblocking(true).unwrap();
    assert_eq!(one.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut std = one.into_std().unwrap();
    assert_eq!(std.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    // The kernel rounds to its ticks.
    assert!(std.read_timeout().unwrap() >= Some(MOMENT) && std.write_timeout().unwrap() >= Some(2 * MOMENT));
    let again = UnixStream::from(std);
    assert!(again.read_timeout().unwrap() >= Some(MOMENT));
}

#[fibra::test]
fn a_listener_is_std_s_again() {
    let scratch = Scratch::new();
    let ours = UnixListener::from(net::UnixListener::bind(scratch.join("std")).unwrap());
    ours.set_nonblocking(true).unwrap();
    assert_eq!(ours.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    ours.set_nonblocking(false).unwrap();
    let clone = ours.try_clone().unwrap();
    let _client = UnixStream::connect(scratch.join("std")).unwrap();
    drop(clone.accept().unwrap());
    assert!(ours.take_error().unwrap().is_none());
    drop(clone);
    let std = ours.into_std().unwrap();
    let _client = UnixStream::connect(scratch.join("std")).unwrap();
    let (stream, _) = std.accept().unwrap();
    let ours = UnixStream::from(OwnedFd::from(stream));
    assert!(ours.peer_addr().unwrap().is_unnamed());
}

#[fibra::test]
fn who_writes_to_somebody_who_is_gone_gets_an_error() {
    let (mut one, other) = UnixStream::pair().unwrap();
    let waiting = thread::spawn(move || one.read(&mut [0; 8]).map(|read| (read, one)));
    thread::sleep(MOMENT);
    drop(other);
    let (read, mut one) = waiting.join().unwrap().unwrap();
    assert_eq!(read, 0);
    eventually("an error", || {
        one.write(b"anyone?").is_err_and(|error| error.kind() == ErrorKind::BrokenPipe)
    });
}
