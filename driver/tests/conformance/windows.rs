//! Sockets of Windows: packets and their homes, and what goes wrong.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::windows::io::AsRawSocket;
use std::thread;
use std::time::Duration;

use fibra_driver::{Descriptor, Handle, Interest, Op, Target};
use windows_sys::Win32::Networking::WinSock::{SOCKET, closesocket};

use crate::net::{accept, listen, own, pair, recv, send};
use crate::rig::system::{self, CANCELED, Stream};
use crate::rig::{Rig, errno};

mod files;
mod pipes;
mod without_driver;

/// A socket that the driver doesn't own.
fn foreign(stream: &Stream) -> Target {
    Target::foreign(stream.as_raw_socket() as usize)
}

promises! {
    fn a_handle_can_be_used_with_two_drivers(rig) {
        let mut other = Rig::new(rig.kind);
        let (here, mut there) = pair();
        let mut buffer = [0; 4];
        for round in 0..10u8 {
            let (rig, home) = if round % 2 == 0 { (&mut *rig, &mut other) } else { (&mut other, &mut *rig) };
            let recv = rig.start(recv(here.target(), &mut buffer));
            rig.settle();
            there.write_all(&[round]).expect("the peer is there");
            // The packet comes to one of the two, which sends it on if it is the other's.
            while !rig.has_ended(recv) {
                home.settle();
                rig.settle();
            }
            assert_eq!(rig.finish(recv).expect("data has come"), 1);
            assert_eq!(buffer[0], round);
        }
        rig.assert_idle();
        other.assert_idle();
    }

    fn a_handle_may_outlive_the_driver_whose_port_it_has(rig) {
        let (here, mut there) = pair();
        let mut first = Rig::new(rig.kind);
        let mut buffer = [0; 1];
        let waiting = first.start(recv(here.target(), &mut buffer));
        first.settle();
        first.cancel(waiting);
        assert_eq!(errno(first.finish(waiting)), CANCELED);
        drop(first);
        for _ in 0..3 {
            let mut byte = [0; 1];
            let waiting = rig.start(recv(here.target(), &mut byte));
            rig.settle();
            there.write_all(b"!").expect("the peer is there");
            assert_eq!(rig.finish(waiting).expect("data has come"), 1);
        }
        rig.assert_idle();
    }

    fn a_duplicate_of_a_handle_waits_beside_it(rig) {
        let (here, mut there) = system::stream_pair();
        let twin = Handle::new(here.try_clone().expect("a descriptor is free").into());
        let here = Handle::new(here.into());
        let (mut first, mut second) = ([0; 1], [0; 1]);
        let first = rig.start(recv(here.target(), &mut first));
        let second = rig.start(recv(twin.target(), &mut second));
        rig.settle();
        there.write_all(b"ab").expect("the peer is there");
        assert_eq!(rig.finish(first).expect("a byte for each"), 1);
        assert_eq!(rig.finish(second).expect("a byte for each"), 1);
    }

    fn what_leaves_works_with_the_standard_library(rig) {
        let (here, mut there) = pair();
        let mut buffer = [0; 4];
        there.write_all(b"one").expect("the peer is there");
        assert_eq!(rig.run(recv(here.target(), &mut buffer)).expect("data is there"), 3);
        let mut here = TcpStream::from(here.into_fd());
        there.write_all(b"two").expect("the peer is there");
        here.read_exact(&mut buffer[..3]).expect("data is there");
        assert_eq!(&buffer[..3], b"two");
        // And comes back, though its port is known already.
        let here = Handle::new(here.into());
        let waiting = rig.start(recv(here.target(), &mut buffer));
        rig.settle();
        there.write_all(b"more").expect("the peer is there");
        assert_eq!(rig.finish(waiting).expect("data has come"), 4);
    }

    fn a_foreign_socket_is_polled_received_from_and_left_alone(rig) {
        let (here, mut there) = system::stream_pair();
        let fd = foreign(&here);
        let poll = rig.start(Op::Poll { fd, interest: Interest::READABLE });
        let mut buffer = [0; 8];
        let receive = rig.start(recv(fd, &mut buffer));
        rig.settle();
        assert!(!rig.has_ended(poll) && !rig.has_ended(receive));
        let ready = rig.run(Op::Poll { fd, interest: Interest::WRITABLE }).expect("there is room");
        assert_ne!(ready & Interest::WRITABLE.bits(), 0);
        there.write_all(b"abc").expect("the peer is there");
        assert_eq!(rig.finish(receive).expect("data has come"), 3);
        assert_ne!(rig.finish(poll).expect("it was ready") & Interest::READABLE.bits(), 0);
        let cancelled = rig.start(Op::Poll { fd, interest: Interest::READABLE });
        rig.settle();
        rig.cancel(cancelled);
        assert_eq!(errno(rig.finish(cancelled)), CANCELED);
        rig.assert_idle();
    }

    fn a_listener_can_be_polled(rig) {
        let (listener, address) = listen();
        let poll = rig.start(Op::Poll { fd: listener.target(), interest: Interest::READABLE });
        rig.settle();
        assert!(!rig.has_ended(poll));
        let _client = TcpStream::connect(address).expect("somebody listens");
        assert_ne!(rig.finish(poll).expect("it is ready") & Interest::READABLE.bits(), 0);
        drop(own(rig.run(accept(&listener))));
    }

    fn a_connection_that_died_in_the_queue_ends_no_accept(rig) {
        let (listener, address) = listen();
        let dead = TcpStream::connect(address).expect("somebody listens");
        system::have_reset(&dead);
        drop(dead);
        let accept = rig.start(accept(&listener));
        rig.settle();
        let mut alive = TcpStream::connect(address).expect("somebody listens");
        let mut server = Handle::new(own(rig.finish(accept)));
        alive.write_all(b"!").expect("it is connected");
        let mut byte = [0; 1];
        if rig.run(recv(server.target(), &mut byte)).is_err() {
            // The system has handed the dead one out, as a connection that was reset later: the next one is alive.
            server = Handle::new(own(rig.run(crate::net::accept(&listener))));
            rig.run(recv(server.target(), &mut byte)).expect("data has come");
        }
        assert_eq!(byte, *b"!");
        rig.assert_idle();
    }

    fn a_reset_in_the_middle_of_a_send_is_an_error(rig) {
        let (listener, address) = listen();
        let client = TcpStream::connect(address).expect("somebody listens");
        let server = Handle::new(own(rig.run(accept(&listener))));
        let block = vec![7u8; 1 << 20];
        let waiting = loop {
            let send = rig.start(send(server.target(), &block));
            rig.settle();
            if !rig.has_ended(send) {
                break send;
            }
            rig.finish(send).expect("there was room");
        };
        system::have_reset(&client);
        drop(client);
        // What had gone out before may be a result; then the next send tells.
        let result = rig.finish(waiting).and_then(|_| rig.run(send(server.target(), &block)));
        let kind = result.expect_err("the peer is gone").kind();
        assert!(
            matches!(kind, ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted),
            "{kind}"
        );
        rig.assert_idle();
    }

    fn a_socket_that_is_closed_under_an_operation_ends_it(rig) {
        let (here, _there) = pair();
        let mut buffer = [0; 8];
        let receive = rig.start(recv(here.target(), &mut buffer));
        rig.settle();
        let Descriptor::Socket(socket) = here.into_fd() else { panic!("it is a socket") };
        let raw = std::os::windows::io::IntoRawSocket::into_raw_socket(socket);
        // SAFETY: it was ours, and nobody's now.
        assert_eq!(unsafe { closesocket(raw as SOCKET) }, 0);
        rig.finish(receive).expect_err("there is nothing to receive from");
        rig.assert_idle();
    }

    fn thousands_of_connections_leak_no_handle(rig) {
        fn handles() -> u32 {
            use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessHandleCount};
            let mut count = 0;
            // SAFETY: room for the number.
            assert_ne!(unsafe { GetProcessHandleCount(GetCurrentProcess(), &raw mut count) }, 0);
            count
        }
        let (listener, address) = listen();
        let connect = |rig: &mut Rig| {
            let accept = rig.start(accept(&listener));
            let client = TcpStream::connect(address).expect("somebody listens");
            system::have_reset(&client);
            drop(own(rig.finish(accept)));
        };
        connect(rig);
        let before = handles();
        // Other tests come and go meanwhile: a leak would be of thousands.
        (0..2_000).for_each(|_| connect(rig));
        assert!(handles() < before + 1_000, "{before} handles became {}", handles());
    }
}

#[test]
fn a_driver_that_is_dropped_closes_what_it_accepts_too_late() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let address = listener.local_addr().expect("it is bound");
    let listener = Handle::new(listener.into());
    let mut rig = Rig::new(fibra_driver::BackendKind::Iocp);
    let accept = rig.start(accept(&listener));
    rig.settle();
    let mut client = TcpStream::connect(address).expect("somebody listens");
    thread::sleep(Duration::from_millis(20));
    assert!(!rig.has_ended(accept));
    drop(rig);
    // Taken and closed, or still in the queue: it isn't answered.
    drop(listener);
    assert!(matches!(client.read(&mut [0; 1]), Ok(0) | Err(_)));
}
