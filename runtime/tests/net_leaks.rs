//! Whatever happens to an operation, no descriptor is left over. Alone in its file: it counts those of the whole process.
//!
//! They are counted in /proc.
#![cfg(unix)]

use fibra::{
    net::{TcpListener, TcpStream},
    thread, time,
};
use std::{
    io::{ErrorKind, Read, Write},
    time::Duration,
};

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("it is mounted").count()
}

/// Waits until only so many are open: what was dropped may still belong to the kernel for a moment.
fn settle(before: usize, what: &str) {
    for _ in 0..2000 {
        if open_descriptors() <= before {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("{what}: {} descriptors are open, {before} were before", open_descriptors());
}

fn accepts_that_are_cancelled_while_connections_come() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    for round in 0..200 {
        let direct = listener.try_clone().expect("it never fails");
        let direct = thread::spawn(move || direct.accept());
        let future = fibra::future::spawn(listener.accept_async());
        let connecting = thread::spawn(move || TcpStream::connect(address));
        for _ in 0..round % 5 {
            thread::yield_now();
        }
        direct.cancel();
        future.cancel();
        drop(connecting.join());
        drop(direct.join());
        drop(fibra::wait(future));
    }
}

fn connects_that_are_cancelled() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    for round in 0..100 {
        let direct = thread::spawn(move || TcpStream::connect(address));
        let future = fibra::future::spawn(TcpStream::connect_async(address));
        for _ in 0..round % 5 {
            thread::yield_now();
        }
        direct.cancel();
        future.cancel();
        drop(direct.join());
        drop(fibra::wait(future));
    }
}

fn streams_that_are_dropped_under_their_operations() {
    for _ in 0..100 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
        let (server, _) = listener.accept().expect("there is one");
        let reading = fibra::future::spawn(client.read_async(vec![0; 64]));
        let accepting = fibra::future::spawn(listener.accept_async());
        thread::yield_now();
        drop((client, listener, server));
        drop(fibra::wait(reading));
        accepting.cancel();
        drop(fibra::wait(accepting));
    }
}

fn opens_that_are_cancelled() {
    for round in 0..100 {
        let direct = thread::spawn(|| fibra::fs::File::open("/dev/null"));
        let future = fibra::future::spawn(fibra::fs::File::open_async("/dev/null"));
        let timed = fibra::future::spawn(time::timeout_async(
            Duration::from_micros(round),
            fibra::fs::File::open_async("/dev/null"),
        ));
        for _ in 0..round % 5 {
            thread::yield_now();
        }
        direct.cancel();
        future.cancel();
        drop(direct.join());
        drop(fibra::wait(future));
        drop(fibra::wait(timed));
    }
}

/// Takes descriptors until there are none.
fn exhaust() -> Vec<std::fs::File> {
    std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect()
}

/// The connection stays in the queue, those that exist live on, and the listener goes on when there is room again.
fn a_listener_without_descriptors_fails_and_recovers() {
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

#[test]
fn no_descriptor_is_left_over() {
    let limit = rustix::process::Rlimit { current: Some(512), maximum: Some(512) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).expect("less is always allowed");
    for &backend in fibra::Backend::ALL {
        let builder = fibra::Builder::new().backend(backend);
        builder.run(move || {
            let scenes: [(&str, fn()); 5] = [
                ("accept", accepts_that_are_cancelled_while_connections_come),
                ("connect", connects_that_are_cancelled),
                ("drop", streams_that_are_dropped_under_their_operations),
                ("open", opens_that_are_cancelled),
                ("limit", a_listener_without_descriptors_fails_and_recovers),
            ];
            for (what, scene) in scenes {
                let before = open_descriptors();
                scene();
                settle(before, &format!("{what} on {backend}"));
            }
        });
    }
}
