//! Without descriptors nothing is accepted, and nothing is lost. Alone in its file: it takes all that the process may have.
//!
//! Windows limits handles by memory alone.
#![cfg(unix)]

#[macro_use]
#[path = "support/backends.rs"]
mod backends;

use fibra::net::{TcpListener, TcpStream};
use std::io::{ErrorKind, Read, Write};

/// Takes descriptors until there are none.
fn exhaust() -> Vec<std::fs::File> {
    std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect()
}

/// The connection stays in the queue, those that exist live on, and the listener goes on when there is room again.
fn a_listener_without_descriptors_fails_and_recovers(backend: fibra::Backend) {
    let limit = rustix::process::Rlimit { current: Some(512), maximum: Some(512) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).expect("less is always allowed");
    // The monitor takes a descriptor for a moment, where a worker is busy for long.
    fibra::Builder::new().backend(backend).monitor(false).run(fail_and_recover);
}

one_backend_at_a_time!(a_listener_without_descriptors_fails_and_recovers);

fn fail_and_recover() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    let mut client = TcpStream::connect(address).expect("it listens");
    let (mut server, _) = listener.accept().expect("there is one");
    let late = TcpStream::connect(address).expect("it listens");

    let all = exhaust();
    for _ in 0..3 {
        let error = listener.accept().expect_err("there is no descriptor");
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
        let error = fibra::wait(listener.accept_async()).expect_err("there is no descriptor");
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
    }
    assert_eq!(TcpStream::connect(address).expect_err("there is none").raw_os_error(), Some(libc::EMFILE));
    client.write_all(b"alive").expect("it is connected");
    let mut alive = [0; 5];
    server.read_exact(&mut alive).expect("it is connected");
    assert_eq!(&alive, b"alive");
    drop(all);

    let (_, peer) = listener.accept().expect("there is room again");
    assert_eq!(peer, late.local_addr().expect("it is connected"));
    listener.set_nonblocking(true).expect("it never fails");
    assert_eq!(listener.accept().expect_err("nobody came").kind(), ErrorKind::WouldBlock);
}
