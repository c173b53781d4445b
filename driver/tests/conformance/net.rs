//! Sockets: every operation, and the ends that it can come to.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::ptr;
use std::sync::atomic::AtomicU8;
use std::thread;

use fibra_driver::{Handle, Interest, Op, RawAddress, Target};

use crate::rig::errno;

pub fn recv(fd: Target, buffer: &mut [u8]) -> Op {
    Op::Recv { fd, buffer: buffer.as_mut_ptr(), len: buffer.len(), flags: 0 }
}

pub fn send(fd: Target, buffer: &[u8]) -> Op {
    Op::Send { fd, buffer: buffer.as_ptr(), len: buffer.len(), flags: 0 }
}

pub fn accept(listener: &Handle) -> Op {
    Op::Accept { fd: listener.target(), address: ptr::null_mut() }
}

fn listen() -> (Handle, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let address = listener.local_addr().expect("it is bound");
    (Handle::new(listener.into()), address)
}

pub fn pair() -> (Handle, UnixStream) {
    let (here, there) = UnixStream::pair().expect("a socket pair can be made");
    (Handle::new(here.into()), there)
}

fn tcp_socket() -> OwnedFd {
    // SAFETY: no pointers; the descriptor is new.
    unsafe { OwnedFd::from_raw_fd(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0)) }
}

fn own(result: io::Result<u32>) -> OwnedFd {
    // SAFETY: an accept's result is a new descriptor that belongs to whoever receives it.
    unsafe { OwnedFd::from_raw_fd(result.expect("a connection comes") as i32) }
}

fn flags(fd: &impl AsRawFd, command: i32) -> i32 {
    // SAFETY: no pointers.
    unsafe { libc::fcntl(fd.as_raw_fd(), command) }
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
        assert_ne!(flags(&accepted, libc::F_GETFD) & libc::FD_CLOEXEC, 0);
        assert_eq!(flags(&accepted, libc::F_GETFL) & libc::O_NONBLOCK, 0);
    }

    fn an_address_may_be_used_for_another_accept_of_another_family(rig) {
        let mut peer = RawAddress::empty();
        let path = std::env::temp_dir().join(format!("fibra-accept-{}-{}", std::process::id(), rig.kind));
        let _ = std::fs::remove_file(&path);
        let local = UnixListener::bind(&path).expect("a path in the temporary directory");
        let _client = UnixStream::connect(&path).expect("somebody listens");
        let local = Handle::new(local.into());
        // The peer has no name: its address is of two bytes. That must not be all the room the next one gets.
        drop(own(rig.run(Op::Accept { fd: local.target(), address: &raw mut peer })));
        let (listener, address) = listen();
        let client = TcpStream::connect(address).expect("somebody listens");
        drop(own(rig.run(Op::Accept { fd: listener.target(), address: &raw mut peer })));
        let name = client.local_addr().expect("it is connected");
        assert_eq!(peer.to_socket_addr().expect("an internet address"), name);
        std::fs::remove_file(&path).expect("it is there");
    }

    fn connect_reaches_a_listener_and_leaves_the_socket_in_blocking_mode(rig) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let address = RawAddress::from(listener.local_addr().expect("it is bound"));
        let socket = Handle::new(tcp_socket());
        let result = rig.run(Op::Connect { fd: socket.target(), address: &raw const address });
        assert_eq!(result.expect("somebody listens"), 0);
        assert_eq!(flags(&socket, libc::F_GETFL) & libc::O_NONBLOCK, 0);
        let (mut accepted, _) = listener.accept().expect("the connection is there");
        assert_eq!(rig.run(send(socket.target(), b"hi")).expect("it is connected"), 2);
        let mut buffer = [0; 2];
        accepted.read_exact(&mut buffer).expect("two bytes were sent");
        assert_eq!(&buffer, b"hi");
    }

    fn connect_is_refused_where_nobody_listens(rig) {
        let gone = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let address = RawAddress::from(gone.local_addr().expect("it is bound"));
        drop(gone);
        let socket = Handle::new(tcp_socket());
        let result = rig.run(Op::Connect { fd: socket.target(), address: &raw const address });
        assert_eq!(errno(result), libc::ECONNREFUSED);
    }

    fn a_connect_that_gets_no_answer_can_be_cancelled(rig) {
        // A local socket whose backlog is full never answers, and needs no network.
        let directory = std::env::temp_dir().join(format!("fibra-{}-{:?}", std::process::id(), rig.kind));
        let _ = std::fs::remove_file(&directory);
        let listener = UnixListener::bind(&directory).expect("a path in the temporary directory");
        // SAFETY: no pointers.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
        let _first = UnixStream::connect(&directory).expect("one fits in the backlog");
        let (socket, address) = local_socket(&directory);
        let connect = rig.start(Op::Connect { fd: socket.target(), address: &raw const address });
        rig.settle();
        assert!(!rig.has_ended(connect));
        rig.cancel(connect);
        assert_eq!(errno(rig.finish(connect)), libc::ECANCELED);
        let again = rig.start(Op::Connect { fd: socket.target(), address: &raw const address });
        rig.settle();
        drop(listener.accept().expect("the first one is there"));
        assert_eq!(rig.finish(again).expect("there is room now"), 0);
        std::fs::remove_file(&directory).expect("it is there");
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
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: the option's value is valid for its size.
        let result = unsafe {
            let size = size_of::<libc::linger>() as libc::socklen_t;
            libc::setsockopt(client.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), size)
        };
        assert_eq!(result, 0);
        drop(client);
        assert_eq!(errno(rig.finish(recv)), libc::ECONNRESET);
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
        let peek = Op::Recv { fd: here.target(), buffer: buffer.as_mut_ptr(), len: 8, flags: libc::MSG_PEEK };
        assert_eq!(rig.run(peek).expect("data is there"), 3);
        assert_eq!(rig.run(recv(here.target(), &mut buffer)).expect("data is there"), 3);
    }

    fn an_operation_told_not_to_wait_does_not(rig) {
        let (here, _there) = pair();
        let mut buffer = [0; 8];
        let flags = libc::MSG_DONTWAIT;
        let op = Op::Recv { fd: here.target(), buffer: buffer.as_mut_ptr(), len: 8, flags };
        assert_eq!(errno(rig.run(op)), libc::EAGAIN);
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

    fn sending_to_a_peer_that_is_gone_is_an_error_and_no_signal(rig) {
        // Rust ignores the signal unless told otherwise. Now it would end this process.
        // SAFETY: no handler is installed.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let (here, there) = pair();
        drop(there);
        assert_eq!(errno(rig.run(send(here.target(), b"anyone?"))), libc::EPIPE);
        let slices = [IoSlice::new(b"any"), IoSlice::new(b"one?")];
        let op = Op::SendVectored { fd: here.target(), slices: slices.as_ptr().cast(), count: 2 };
        assert_eq!(errno(rig.run(op)), libc::EPIPE);
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

    fn a_length_beyond_32_bits_is_cut_and_not_wrapped(rig) {
        // Only the bytes that there are get written. Static memory lies so low that the length stays in the address space.
        static BUFFER: [AtomicU8; 16] = [const { AtomicU8::new(0) }; 16];
        let (here, mut there) = pair();
        there.write_all(b"0123456789").expect("the peer is there");
        let len = (1usize << 32) + 4;
        let op = Op::Recv { fd: here.target(), buffer: BUFFER[0].as_ptr(), len, flags: 0 };
        assert_eq!(rig.run(op).expect("data is there"), 10);
    }

    fn shutdown_ends_the_stream_for_the_peer_and_a_recv_of_our_own(rig) {
        let (here, mut there) = pair();
        let shutdown = Op::Shutdown { fd: here.target(), how: Shutdown::Write };
        assert_eq!(rig.run(shutdown).expect("it is connected"), 0);
        assert_eq!(there.read(&mut [0; 8]).expect("the end is no error"), 0);
        let mut buffer = [0; 8];
        let recv = rig.start(recv(here.target(), &mut buffer));
        rig.settle();
        assert!(!rig.has_ended(recv));
        assert_eq!(rig.run(Op::Shutdown { fd: here.target(), how: Shutdown::Read }).expect("it is connected"), 0);
        assert_eq!(rig.finish(recv).expect("the end is no error"), 0);
    }

    fn a_socket_in_non_blocking_mode_waits_all_the_same(rig) {
        let (listener, address) = listen();
        set_nonblocking(&listener);
        let accept = rig.start(accept(&listener));
        rig.settle();
        assert!(!rig.has_ended(accept), "it must not end with EAGAIN");
        let socket = Handle::new(tcp_socket());
        set_nonblocking(&socket);
        let address = RawAddress::from(address);
        let connect = rig.run(Op::Connect { fd: socket.target(), address: &raw const address });
        assert_eq!(connect.expect("somebody listens"), 0);
        let server = Handle::new(own(rig.finish(accept)));
        set_nonblocking(&server);
        let mut buffer = [0; 8];
        let recv = rig.start(recv(server.target(), &mut buffer));
        rig.settle();
        assert!(!rig.has_ended(recv), "it must not end with EAGAIN");
        assert_eq!(rig.run(send(socket.target(), b"hi")).expect("it is connected"), 2);
        assert_eq!(rig.finish(recv).expect("data has come"), 2);
        assert_ne!(flags(&server, libc::F_GETFL) & libc::O_NONBLOCK, 0, "the mode is the owner's");
    }

    fn a_read_of_a_stream_in_non_blocking_mode_waits_all_the_same_and_can_be_cancelled(rig) {
        let (here, there) = pair();
        let (reader, writer) = std::io::pipe().expect("a pipe can be made");
        let reader = Handle::new(reader.into());
        let streams: [(&Handle, &dyn Fn()); 2] = [
            (&here, &|| (&there).write_all(b"!").expect("the peer is there")),
            (&reader, &|| (&writer).write_all(b"!").expect("the pipe has room")),
        ];
        for (stream, write) in streams {
            set_nonblocking(stream);
            let mut buffer = [0; 8];
            let buffer = buffer.as_mut_ptr();
            let read = Op::Read { fd: stream.target(), buffer, len: 8, offset: fibra_driver::Offset::CURRENT };
            for turns in 0..4 {
                let cancelled = rig.start(read);
                for _ in 0..turns {
                    rig.turn(fibra_driver::Wait::Not);
                }
                rig.cancel(cancelled);
                assert_eq!(errno(rig.finish(cancelled)), libc::ECANCELED);
                let read = rig.start(read);
                rig.settle();
                assert!(!rig.has_ended(read), "it must not end with EAGAIN");
                write();
                assert_eq!(rig.finish(read).expect("data has come"), 1);
            }
        }
        rig.assert_idle();
    }

    fn several_accepts_on_one_listener_get_one_connection_each(rig) {
        let (listener, address) = listen();
        let accepts: Vec<_> = (0..8).map(|_| rig.start(accept(&listener))).collect();
        rig.settle();
        let clients: Vec<_> = (0..8).map(|_| TcpStream::connect(address).expect("somebody listens")).collect();
        let mut accepted: Vec<_> = accepts.into_iter().map(|accept| own(rig.finish(accept)).as_raw_fd()).collect();
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

    fn an_operation_on_what_is_no_socket_is_an_error(rig) {
        let file = Handle::new(std::fs::File::open("/dev/null").expect("it is there").into());
        assert_eq!(errno(rig.run(recv(file.target(), &mut [0; 4]))), libc::ENOTSOCK);
    }

    fn an_operation_on_a_closed_descriptor_is_an_error(rig) {
        let mut buffer = [0; 4];
        for fd in [-1, 1 << 20] {
            let fd = Target::foreign(fd);
            assert_eq!(errno(rig.run(recv(fd, &mut buffer))), libc::EBADF);
            assert_eq!(errno(rig.run(Op::Poll { fd, interest: Interest::READABLE })), libc::EBADF);
        }
        assert_eq!(errno(rig.run(Op::Close { fd: 1 << 20 })), libc::EBADF);
    }
}

fn set_nonblocking(fd: &impl AsRawFd) {
    let flags = flags(fd, libc::F_GETFL);
    // SAFETY: no pointers.
    assert_eq!(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) }, 0);
}

/// A local socket, and the address of `path`.
fn local_socket(path: &std::path::Path) -> (Handle, RawAddress) {
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: no pointers; the descriptor is new.
    let socket = unsafe { OwnedFd::from_raw_fd(libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)) };
    // SAFETY: plain data, for which all zeros is a value.
    let mut raw: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    raw.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, from) in raw.sun_path.iter_mut().zip(path.as_os_str().as_bytes()) {
        *to = *from as libc::c_char;
    }
    // SAFETY: the pointer and the size are those of an initialised `sockaddr_un`.
    let address = unsafe { RawAddress::from_raw((&raw const raw).cast(), size_of::<libc::sockaddr_un>()) };
    (Handle::new(socket), address.expect("it fits"))
}
