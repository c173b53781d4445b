//! Timeouts and the non-blocking mode: an operation ends without waiting longer than it may, and loses nothing.

#[path = "support/everywhere.rs"]
mod callers;
#[path = "support/deaf.rs"]
mod deaf;
#[path = "support/deserted.rs"]
mod deserted;
#[cfg(unix)]
#[path = "support/modes_of_unix.rs"]
mod modes;
#[cfg(windows)]
#[path = "support/modes_of_windows.rs"]
mod modes;

use callers::everywhere;
use deaf::Deaf;
use deserted::Deserted;
use fibra::{
    net::{TcpListener, TcpStream},
    thread, time,
};
use std::{
    io::{ErrorKind, IoSlice, IoSliceMut, Read, Write},
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(3);

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    (client, listener.accept().expect("there is one").0)
}

#[fibra::test]
fn a_read_times_out_never_early_and_goes_on_later() {
    everywhere(|| {
        let (mut client, mut server) = pair();
        client.set_read_timeout(Some(SHORT)).unwrap();
        for _ in 0..3 {
            let start = Instant::now();
            assert_eq!(client.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::TimedOut);
            assert!(start.elapsed() >= SHORT);
        }
        assert_eq!(client.peek(&mut [0; 8]).unwrap_err().kind(), ErrorKind::TimedOut);
        let mut room = [0; 8];
        let slices = &mut [IoSliceMut::new(&mut room)];
        assert_eq!(client.read_vectored(slices).unwrap_err().kind(), ErrorKind::TimedOut);
        server.write_all(b"late").unwrap();
        client.set_read_timeout(None).unwrap();
        let mut late = [0; 4];
        client.read_exact(&mut late).unwrap();
        assert_eq!(&late, b"late");
    });
}

/// Writes until that fails; returns how many bytes went out, and why no more did.
fn fill(mut write: impl FnMut() -> std::io::Result<usize>) -> (usize, std::io::Error) {
    let mut sent = 0;
    loop {
        match write() {
            Ok(written) => sent += written,
            Err(error) => return (sent, error),
        }
    }
}

#[fibra::test]
fn a_write_times_out_and_has_sent_nothing() {
    everywhere(|| {
        let (mut client, mut server) = pair();
        client.set_write_timeout(Some(SHORT)).unwrap();
        let piece = [7; 1 << 16];
        let (first, error) = fill(|| client.write(&piece));
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let (second, error) = fill(|| client.write_vectored(&[IoSlice::new(&piece), IoSlice::new(&piece)]));
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(client);
        let mut received = Vec::new();
        server.read_to_end(&mut received).unwrap();
        assert_eq!(received.len(), first + second);
    });
}

#[fibra::test]
fn clones_share_timeouts_and_directions_do_not() {
    let (client, _server) = pair();
    let clone = client.try_clone().unwrap();
    client.set_read_timeout(Some(SHORT)).unwrap();
    assert_eq!(clone.read_timeout().unwrap(), Some(SHORT));
    assert_eq!(clone.write_timeout().unwrap(), None);
    clone.set_write_timeout(Some(Duration::MAX)).unwrap();
    assert!(client.write_timeout().unwrap() > Some(Duration::from_secs(1 << 30)));
    assert_eq!((&clone).read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    (&clone).write_all(b"for ever is long enough").unwrap();
}

#[fibra::test]
fn zero_is_refused() {
    let (client, _server) = pair();
    client.set_read_timeout(Some(SHORT)).unwrap();
    for refused in
        [client.set_read_timeout(Some(Duration::ZERO)), client.set_write_timeout(Some(Duration::ZERO))]
    {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(client.read_timeout().unwrap(), Some(SHORT));
    let peer = client.peer_addr().unwrap();
    let refused = TcpStream::connect_timeout(&peer, Duration::ZERO);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[fibra::test]
fn a_connect_times_out_never_early() {
    everywhere(|| {
        let deaf = Deaf::new();
        let start = Instant::now();
        let error = TcpStream::connect_timeout(&deaf.address(), SHORT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= SHORT);
    });
}

#[fibra::test]
fn a_connect_that_is_timed_connects() {
    everywhere(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect_timeout(&address, Duration::from_secs(60)).unwrap();
        client.write_all(b"x").unwrap();
        // Its descriptor is in the mode in which it was made, as far as the system tells.
        let std: std::net::TcpStream = client.into();
        assert_ne!(modes::is_nonblocking(&std), Some(true));
        assert_eq!(listener.accept().unwrap().0.read(&mut [0; 8]).unwrap(), 1);
        let nobody = Deserted::new();
        let refused = TcpStream::connect_timeout(&nobody.address(), Duration::from_secs(60)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[fibra::test]
fn a_timeout_around_it_ends_any_operation() {
    let deaf = Deaf::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (client, _server) = pair();
    let waits: [(&str, &dyn Fn() -> std::io::Result<()>); 3] = [
        ("read", &|| (&client).read(&mut [0]).map(drop)),
        ("accept", &|| listener.accept().map(drop)),
        ("connect", &|| TcpStream::connect(deaf.address()).map(drop)),
    ];
    for (what, wait) in waits {
        let start = Instant::now();
        let error = time::timeout(SHORT, wait).expect("the closure ended by itself").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{what}");
        assert!(fibra::cancel::Cancelled::caused(&error), "{what}");
        assert!(start.elapsed() >= SHORT);
    }
}

#[fibra::test]
fn non_blocking_streams_say_so_instead_of_waiting() {
    everywhere(|| {
        let (mut client, mut server) = pair();
        client.set_nonblocking(true).unwrap();
        assert_eq!(client.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(client.peek(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let error = loop {
            if let Err(error) = client.write(&[7; 1 << 16]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);

        server.write_all(b"now").unwrap();
        let mut now = [0; 8];
        let read = loop {
            match client.read(&mut now) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
                read => break read.unwrap(),
            }
        };
        assert_eq!(&now[..read], b"now");
        // Another clone is no exception, and the mode goes both ways.
        let clone = client.try_clone().unwrap();
        assert_eq!((&clone).read(&mut now).unwrap_err().kind(), ErrorKind::WouldBlock);
        clone.set_nonblocking(false).unwrap();
        client.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(client.read(&mut now).unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

#[fibra::test]
fn what_is_there_already_is_read_without_blocking() {
    everywhere(|| {
        let (mut client, mut server) = pair();
        client.set_nonblocking(true).unwrap();
        for round in 0..50 {
            server.write_all(&[round]).unwrap();
            // On loopback, a write that has returned has arrived.
            let mut byte = [0];
            assert_eq!(client.read(&mut byte).unwrap(), 1);
            assert_eq!(byte[0], round);
        }
    });
}

#[fibra::test]
fn non_blocking_listeners_say_so_instead_of_waiting() {
    everywhere(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_, peer) = loop {
            match listener.accept() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
                accepted => break accepted.unwrap(),
            }
        };
        assert_eq!(peer, client.local_addr().unwrap());
        listener.set_nonblocking(false).unwrap();
        let address = listener.local_addr().unwrap();
        let late = fibra::future::spawn(async move {
            time::sleep(SHORT).await;
            TcpStream::connect_async(address).await
        });
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(fibra::wait(late).unwrap().unwrap().local_addr().unwrap(), peer);
    });
}
