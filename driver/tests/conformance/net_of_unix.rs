//! Sockets and streams as Unix alone has them: local ones, modes, signals.

use std::io::{ErrorKind, IoSlice, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::AtomicU8;

use fibra_driver::{Capability, Handle, Interest, Op, RawAddress, Target};

use crate::net::{accept, listen, own, pair, recv, send};
use crate::rig::errno;
use crate::rig::system::{flags, tcp_socket};

promises! {
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

    fn a_length_beyond_32_bits_is_cut_and_not_wrapped(rig) {
        // Only the bytes that there are get written. Static memory lies so low that the length stays in the address space.
        static BUFFER: [AtomicU8; 16] = [const { AtomicU8::new(0) }; 16];
        let (here, mut there) = pair();
        there.write_all(b"0123456789").expect("the peer is there");
        let len = (1usize << 32) + 4;
        let op = Op::Recv { fd: here.target(), buffer: BUFFER[0].as_ptr(), len, flags: 0 };
        assert_eq!(rig.run(op).expect("data is there"), 10);
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

    fn an_operation_on_a_descriptor_in_non_blocking_mode_can_be_cancelled(rig) {
        let (here, there) = std::os::unix::net::UnixStream::pair().expect("a socket pair can be made");
        here.set_nonblocking(true).expect("a socket has modes");
        let here = Handle::new(here.into());
        let mut buffer = [0; 8];
        for turns in 0..4 {
            let recv = rig.start(recv(here.target(), &mut buffer));
            for _ in 0..turns {
                rig.turn(fibra_driver::Wait::Not);
            }
            rig.cancel(recv);
            assert_eq!(errno(rig.finish(recv)), libc::ECANCELED);
        }
        drop(there);
        rig.assert_idle();
    }

    fn what_only_windows_has_is_refused(rig) {
        let (here, _there) = pair();
        let (fd, file) = (here.target(), here.as_raw_fd());
        for op in [Op::SendFile { fd, file, offset: 0, len: 1 }, Op::AcceptPipe { fd }] {
            assert_eq!(rig.driver.capability(&op), Capability::Unsupported);
            assert_eq!(rig.run(op).expect_err("nobody does it").kind(), ErrorKind::Unsupported);
            // SAFETY: the socket is open until this returns.
            let without_driver = unsafe { op.perform_blocking(None) };
            assert_eq!(without_driver.expect_err("nobody does it").kind(), ErrorKind::Unsupported);
        }
        rig.assert_idle();
    }
}

fn set_nonblocking(fd: &impl AsRawFd) {
    let flags = flags(fd, libc::F_GETFL);
    // SAFETY: no pointers.
    assert_eq!(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) }, 0);
}

/// A local socket, and the address of `path`.
fn local_socket(path: &Path) -> (Handle, RawAddress) {
    // SAFETY: no pointers; the descriptor is new.
    let socket = unsafe { OwnedFd::from_raw_fd(libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)) };
    let address = SocketAddr::from_pathname(path).expect("it is short enough");
    (Handle::new(socket), RawAddress::from(&address))
}
