//! Transfers that don't wait, and what they leave behind: operations wait as before, and so does whoever gets the socket.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use fibra_driver::{Handle, Op};

fn pair() -> (Handle, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let there = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    there.set_nodelay(true).expect("it is TCP");
    (Handle::new(listener.accept().expect("there is one").0.into()), there)
}

fn try_recv(handle: &Handle) -> std::io::Result<Vec<u8>> {
    let mut buffer = [MaybeUninit::uninit(); 16];
    let count = handle.try_recv(&mut buffer)?;
    // SAFETY: so many bytes are initialised now.
    Ok(buffer[..count].iter().map(|byte| unsafe { byte.assume_init() }).collect())
}

/// What is sent arrives in its own time.
fn patiently<T>(mut attempt: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(1)),
            result => return result,
        }
    }
}

/// Sends when somebody has begun to wait, most likely.
fn late(mut there: TcpStream) -> thread::JoinHandle<TcpStream> {
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        there.write_all(b"late").expect("it is connected");
        there
    })
}

#[test]
fn what_is_there_is_received_and_what_has_room_is_sent() {
    let (here, mut there) = pair();
    assert_eq!(try_recv(&here).unwrap_err().kind(), ErrorKind::WouldBlock);
    there.write_all(b"hello").unwrap();
    assert_eq!(patiently(|| try_recv(&here)).unwrap(), b"hello");
    there.write_all(b"again").unwrap();
    let (mut head, mut rest) = ([0; 2], [0; 8]);
    let slices = &mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut rest)];
    assert_eq!(patiently(|| here.try_recv_vectored(slices)).unwrap(), 5);
    assert_eq!((&head, &rest[..3]), (b"ag", &b"ain"[..]));

    assert_eq!(here.try_send(b"one").unwrap(), 3);
    assert_eq!(here.try_send_vectored(&[IoSlice::new(b"tw"), IoSlice::new(b"o")]).unwrap(), 3);
    let mut all = [0; 6];
    there.read_exact(&mut all).unwrap();
    assert_eq!(&all, b"onetwo");
}

#[test]
fn a_peer_that_reads_nothing_makes_nobody_wait() {
    let (here, _there) = pair();
    let error = loop {
        match here.try_send(&[0; 65_536]) {
            Ok(sent) => assert!(sent > 0),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

#[test]
fn both_ends_are_told() {
    let (here, there) = pair();
    drop(there);
    assert_eq!(patiently(|| try_recv(&here)).unwrap(), b"");
    let (here, _there) = pair();
    here.shutdown(Shutdown::Both).unwrap();
    assert_eq!(try_recv(&here).unwrap(), b"");
    assert_eq!(here.try_send(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn operations_wait_as_before() {
    let (here, there) = pair();
    try_recv(&here).unwrap_err();
    let sending = late(there);
    let mut buffer = [0; 8];
    let op = Op::Recv { fd: here.target(), buffer: buffer.as_mut_ptr(), len: buffer.len(), flags: 0 };
    // SAFETY: the buffer and the handle outlive the call.
    assert_eq!(unsafe { op.perform_blocking(None) }.unwrap(), 4);
    sending.join().unwrap();
}

#[test]
fn who_gets_the_socket_waits_as_before() {
    let (here, there) = pair();
    try_recv(&here).unwrap_err();
    let mut here = TcpStream::from(here.into_fd());
    let sending = late(there);
    assert_eq!(here.read(&mut [0; 8]).unwrap(), 4);
    sending.join().unwrap();
}

#[test]
fn a_socket_that_lingers_is_closed() {
    let (here, mut there) = pair();
    let here = TcpStream::from(here.into_fd());
    socket2::SockRef::from(&here).set_linger(Some(Duration::from_secs(2))).unwrap();
    let here = Handle::new(here.into());
    let mut sent = 0;
    while let Ok(count) = here.try_send(&[7; 65_536]) {
        sent += count;
    }
    // Which waits until the peer has everything.
    let closing = thread::spawn(move || drop(here));
    let mut received = Vec::new();
    there.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    there.read_to_end(&mut received).unwrap();
    assert_eq!(received.len(), sent);
    closing.join().unwrap();
}
