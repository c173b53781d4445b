//! Sockets: every operation, and the ends that it can come to.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ptr;
use std::thread;

use fibra_driver::{Descriptor, Handle, Interest, Op, RawAddress, Target};

use crate::rig::errno;
use crate::rig::system::{self, DONT_WAIT, PEEK, REFUSED, RESET, Stream, WOULD_BLOCK};

pub fn recv(fd: Target, buffer: &mut [u8]) -> Op {
    Op::Recv { fd, buffer: buffer.as_mut_ptr(), len: buffer.len(), flags: 0 }
}

pub fn send(fd: Target, buffer: &[u8]) -> Op {
    Op::Send { fd, buffer: buffer.as_ptr(), len: buffer.len(), flags: 0 }
}

pub fn accept(listener: &Handle) -> Op {
    Op::Accept { fd: listener.target(), address: ptr::null_mut() }
}

pub fn listen() -> (Handle, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let address = listener.local_addr().expect("it is bound");
    (Handle::new(listener.into()), address)
}

pub fn pair() -> (Handle, Stream) {
    let (here, there) = system::stream_pair();
    (Handle::new(here.into()), there)
}

pub fn own(result: io::Result<u32>) -> Descriptor {
    // SAFETY: an accept's result is a new descriptor that belongs to whoever receives it.
    unsafe { fibra_driver::descriptor(result.expect("a connection comes")) }
}

promises! {
    fn accept_waits_for_a_connection_and_tells_the_peers_address(rig) {
        let (listener, address) = listen();
        let mut peer = RawAddress::empty();
        let accept = rig.start(Op::Accept { fd: listener.target(), address: &raw mut peer });
        rig.settle();
        assert!(!rig.has_ended(accept));
        let client = TcpStream::connect(address).expect("somebody listens");
        let accepted = own(rig.finish(accept));
        let local = client.local_addr().expect("it is connected");
        assert_eq!(peer.to_socket_addr().expect("an internet address"), local);
        system::assert_not_inherited(&accepted);
        system::assert_blocking(&accepted);
    }

    fn connect_reaches_a_listener_and_leaves_the_socket_in_blocking_mode(rig) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let address = RawAddress::from(listener.local_addr().expect("it is bound"));
        let socket = Handle::new(system::tcp_socket());
        let result = rig.run(Op::Connect { fd: socket.target(), address: &raw const address });
        assert_eq!(result.expect("somebody listens"), 0);
        system::assert_blocking(&socket);
        let (mut accepted, _) = listener.accept().expect("the connection is there");
        assert_eq!(rig.run(send(socket.target(), b"hi")).expect("it is connected"), 2);
        let mut buffer = [0; 2];
        accepted.read_exact(&mut buffer).expect("two bytes were sent");
        assert_eq!(&buffer, b"hi");
    }

    fn connect_is_refused_where_nobody_listens(rig) {
        // A connection's own end has its port for itself, and nobody accepts there.
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
        let address = RawAddress::from(client.local_addr().expect("it is connected"));
        let socket = Handle::new(system::tcp_socket());
        let result = rig.run(Op::Connect { fd: socket.target(), address: &raw const address });
        assert_eq!(errno(result), REFUSED);
    }

    fn recv_waits_for_data_and_delivers_it(rig) {
        let (here, mut there) = pair();
        let mut buffer = [0; 64];
        let recv = rig.start(recv(here.target(), &mut buffer));
        rig.settle();
        assert!(!rig.has_ended(recv));
        there.write_all(b"hello").expect("the peer is there");
        assert_eq!(rig.finish(recv).expect("data has come"), 5);
        assert_eq!(&buffer[..5], b"hello");
        rig.assert_idle();
    }

    fn recv_delivers_zero_bytes_at_the_end_of_the_stream(rig) {
        let (here, there) = pair();
        let mut buffer = [0; 64];
        let waiting = rig.start(recv(here.target(), &mut buffer));
        rig.settle();
        drop(there);
        assert_eq!(rig.finish(waiting).expect("the end is no error"), 0);
        assert_eq!(rig.run(recv(here.target(), &mut buffer)).expect("the end stays"), 0);
    }

    fn a_reset_connection_is_an_error(rig) {
        let (listener, address) = listen();
        let client = TcpStream::connect(address).expect("somebody listens");
        let server = Handle::new(own(rig.run(accept(&listener))));
        let mut buffer = [0; 8];
        let recv = rig.start(recv(server.target(), &mut buffer));
        rig.settle();
        system::have_reset(&client);
        drop(client);
        assert_eq!(errno(rig.finish(recv)), RESET);
    }

    fn a_recv_of_more_than_there_is_is_short(rig) {
        let (here, mut there) = pair();
        there.write_all(b"abc").expect("the peer is there");
        let mut buffer = [0; 2];
        assert_eq!(rig.run(recv(here.target(), &mut buffer)).expect("data is there"), 2);
        assert_eq!(rig.run(recv(here.target(), &mut buffer)).expect("data is there"), 1);
        assert_eq!(buffer[0], b'c');
    }

    fn a_peek_leaves_the_data(rig) {
        let (here, mut there) = pair();
        there.write_all(b"abc").expect("the peer is there");
        let mut buffer = [0; 8];
        let peek = Op::Recv { fd: here.target(), buffer: buffer.as_mut_ptr(), len: 8, flags: PEEK };
        assert_eq!(rig.run(peek).expect("data is there"), 3);
        assert_eq!(rig.run(recv(here.target(), &mut buffer)).expect("data is there"), 3);
    }

    fn an_operation_told_not_to_wait_does_not(rig) {
        let (here, _there) = pair();
        let mut buffer = [0; 8];
        let flags = DONT_WAIT;
        let op = Op::Recv { fd: here.target(), buffer: buffer.as_mut_ptr(), len: 8, flags };
        assert_eq!(errno(rig.run(op)), WOULD_BLOCK);
    }

    fn send_waits_for_room(rig) {
        let (here, mut there) = pair();
        let block = vec![7u8; 1 << 16];
        let mut sent = 0usize;
        let waiting = loop {
            let send = rig.start(send(here.target(), &block));
            rig.settle();
            if !rig.has_ended(send) {
                break send;
            }
            sent += rig.finish(send).expect("there was room") as usize;
        };
        let reader = thread::spawn(move || {
            let mut count = 0;
            let mut buffer = vec![0; 1 << 16];
            loop {
                match there.read(&mut buffer).expect("the peer is there") {
                    0 => return count,
                    more => count += more,
                }
            }
        });
        sent += rig.finish(waiting).expect("there is room now") as usize;
        drop(here);
        assert_eq!(reader.join().expect("the reader ends"), sent);
    }

    fn vectored_operations_use_all_slices_in_order(rig) {
        let (here, there) = pair();
        let there = Handle::new(there.into());
        let (mut first, mut second) = ([0; 3], [0; 8]);
        let mut slices = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        let recv = rig.start(Op::RecvVectored { fd: there.target(), slices: slices.as_mut_ptr().cast(), count: 2 });
        rig.settle();
        let parts = [IoSlice::new(b"he"), IoSlice::new(b""), IoSlice::new(b"llo")];
        let send = Op::SendVectored { fd: here.target(), slices: parts.as_ptr().cast(), count: 3 };
        assert_eq!(rig.run(send).expect("there is room"), 5);
        assert_eq!(rig.finish(recv).expect("data has come"), 5);
        assert_eq!((&first, &second[..2]), (b"hel", &b"lo"[..]));
    }

    fn more_slices_than_the_kernel_takes_are_cut(rig) {
        let (here, there) = pair();
        let there = Handle::new(there.into());
        let parts = vec![IoSlice::new(b"x"); 3000];
        let send = Op::SendVectored { fd: here.target(), slices: parts.as_ptr().cast(), count: parts.len() };
        assert_eq!(rig.run(send).expect("cut, not refused"), 1024);
        let mut bytes = vec![[0u8; 1]; 3000];
        let mut slices: Vec<_> = bytes.iter_mut().map(|byte| IoSliceMut::new(byte)).collect();
        let slices = slices.as_mut_ptr().cast();
        let recv = Op::RecvVectored { fd: there.target(), slices, count: 3000 };
        assert_eq!(rig.run(recv).expect("cut, not refused"), 1024);
    }

    fn shutdown_ends_the_stream_for_the_peer_and_a_recv_of_our_own(rig) {
        let (here, mut there) = pair();
        let shutdown = Op::Shutdown { fd: here.target(), how: Shutdown::Write };
        assert_eq!(rig.run(shutdown).expect("it is connected"), 0);
        assert_eq!(there.read(&mut [0; 8]).expect("the end is no error"), 0);
        let (mut buffer, mut shared, mut bytes) = ([0; 8], Vec::new(), [0; 8]);
        let (fd, mut slices) = (here.target(), [IoSliceMut::new(&mut bytes)]);
        let slices = slices.as_mut_ptr().cast();
        let poll = rig.start(Op::Poll { fd, interest: Interest::READABLE });
        let waiting = [
            recv(fd, &mut buffer),
            Op::RecvShared { fd, bytes: &raw mut shared },
            Op::RecvVectored { fd, slices, count: 1 },
        ]
        .map(|op| rig.start(op));
        rig.settle();
        assert!(waiting.iter().chain([&poll]).all(|op| !rig.has_ended(*op)));
        assert_eq!(rig.run(Op::Shutdown { fd, how: Shutdown::Read }).expect("it is connected"), 0);
        for op in waiting {
            assert_eq!(rig.finish(op).expect("the end is no error"), 0);
        }
        let ready = Interest::from_bits(rig.finish(poll).expect("the end is no error"));
        assert!(ready.contains(Interest::READABLE), "{ready:?}");
        assert_eq!(rig.run(recv(fd, &mut buffer)).expect("the end is no error"), 0);
    }

    fn several_accepts_on_one_listener_get_one_connection_each(rig) {
        let (listener, address) = listen();
        let accepts: Vec<_> = (0..8).map(|_| rig.start(accept(&listener))).collect();
        rig.settle();
        let clients: Vec<_> = (0..8).map(|_| TcpStream::connect(address).expect("somebody listens")).collect();
        let mut accepted: Vec<_> = accepts.into_iter().map(|accept| own(rig.finish(accept))).collect();
        assert_eq!(accepted.len(), clients.len());
        accepted.clear();
        rig.assert_idle();
    }

    fn reads_and_writes_work_on_streams(rig) {
        let (here, mut there) = pair();
        let mut buffer = [0; 8];
        let offset = fibra_driver::Offset::CURRENT;
        let read = Op::Read { fd: here.target(), buffer: buffer.as_mut_ptr(), len: 8, offset };
        let read = rig.start(read);
        rig.settle();
        assert!(!rig.has_ended(read));
        there.write_all(b"abc").expect("the peer is there");
        assert_eq!(rig.finish(read).expect("data has come"), 3);
        let write = Op::Write { fd: here.target(), buffer: b"de".as_ptr(), len: 2, offset };
        assert_eq!(rig.run(write).expect("there is room"), 2);
        let mut answer = [0; 2];
        there.read_exact(&mut answer).expect("two bytes were sent");
        assert_eq!((&buffer[..3], &answer), (&b"abc"[..], b"de"));
    }
}
