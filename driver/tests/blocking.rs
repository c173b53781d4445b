//! The same operations on a thread without a driver.
//!
//! Windows has a file of its own for this: `conformance/windows.rs`.
#![cfg(unix)]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

use fibra_driver::{Handle, Interest, Offset, Op, RawAddress, Target};

fn perform(op: Op, deadline: Option<Instant>) -> io::Result<u32> {
    // SAFETY: every test keeps what its operation points to until this returns.
    unsafe { op.perform_blocking(deadline) }
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(20))
}

fn recv(fd: &impl AsRawFd, buffer: &mut [u8]) -> Op {
    Op::Recv { fd: Target::foreign(fd.as_raw_fd()), buffer: buffer.as_mut_ptr(), len: buffer.len(), flags: 0 }
}

#[test]
fn an_operation_waits_in_both_modes_of_the_descriptor() {
    for nonblocking in [false, true] {
        let (here, mut there) = UnixStream::pair().expect("a socket pair can be made");
        here.set_nonblocking(nonblocking).expect("a socket has modes");
        let writer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(10));
            there.write_all(b"late").expect("the peer is there");
            there
        });
        let mut buffer = [0; 8];
        assert_eq!(perform(recv(&here, &mut buffer), None).expect("data comes"), 4);
        drop(writer.join().expect("the writer ends"));
    }
}

#[test]
fn a_deadline_ends_a_wait_and_not_before() {
    let (here, _there) = UnixStream::pair().expect("a socket pair can be made");
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let mut buffer = [0; 8];
    let fd = Target::foreign(here.as_raw_fd());
    let ops = [
        recv(&here, &mut buffer),
        Op::Poll { fd, interest: Interest::READABLE },
        Op::Read { fd, buffer: buffer.as_mut_ptr(), len: 8, offset: Offset::CURRENT },
        Op::Accept { fd: Target::foreign(listener.as_raw_fd()), address: ptr::null_mut() },
        Op::Timeout { deadline: Instant::now() + Duration::from_secs(3600) },
    ];
    for op in ops {
        let deadline = soon();
        let error = perform(op, deadline).expect_err("nothing comes");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{}", op.name());
        assert!(Some(Instant::now()) >= deadline, "{} was early", op.name());
    }
}

#[test]
fn a_deadline_leaves_no_trace_on_a_listener() {
    for owned in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let handle = Handle::new(listener.into());
        let fd = if owned { handle.target() } else { Target::foreign(handle.as_raw_fd()) };
        let accept = Op::Accept { fd, address: ptr::null_mut() };
        assert_eq!(perform(accept, soon()).expect_err("nobody comes").kind(), io::ErrorKind::TimedOut);
        let fd = handle.into_fd();
        // SAFETY: no pointers.
        let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
        assert_eq!(flags & libc::O_NONBLOCK, 0);
    }
}

#[test]
fn a_poll_of_no_descriptor_is_an_error_and_no_endless_wait() {
    for fd in [-1, 1 << 20] {
        let poll = Op::Poll { fd: Target::foreign(fd), interest: Interest::READABLE };
        assert_eq!(perform(poll, None).expect_err("it is not open").raw_os_error(), Some(libc::EBADF));
    }
}

#[test]
fn a_timeout_sleeps_until_its_deadline() {
    let deadline = Instant::now() + Duration::from_millis(5);
    assert_eq!(perform(Op::Timeout { deadline }, None).expect("the time comes"), 0);
    assert!(Instant::now() >= deadline);
}

#[test]
fn connect_and_accept_meet_with_and_without_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let address = RawAddress::from(listener.local_addr().expect("it is bound"));
    for deadline in [None, Some(Instant::now() + Duration::from_secs(30))] {
        // SAFETY: no pointers; the descriptor is new.
        let socket = unsafe { OwnedFd::from_raw_fd(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0)) };
        let fd = Target::foreign(socket.as_raw_fd());
        assert_eq!(
            perform(Op::Connect { fd, address: &raw const address }, deadline).expect("it listens"),
            0
        );
        let mut peer = RawAddress::empty();
        let fd = Target::foreign(listener.as_raw_fd());
        let accepted = perform(Op::Accept { fd, address: &raw mut peer }, deadline).expect("it is there");
        // SAFETY: an accept's result is a new descriptor that belongs to whoever receives it.
        let mut accepted = TcpStream::from(unsafe { OwnedFd::from_raw_fd(accepted as i32) });
        let socket = TcpStream::from(socket);
        assert_eq!(peer.to_socket_addr().ok(), socket.local_addr().ok());
        (&socket).write_all(b"!").expect("it is connected, and in blocking mode");
        accepted.read_exact(&mut [0]).expect("a byte was sent");
    }
}

#[test]
fn a_broken_pipe_is_an_error_and_no_signal() {
    // Rust ignores the signal unless told otherwise. Now it would end this process.
    // SAFETY: no handler is installed.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let (here, there) = UnixStream::pair().expect("a socket pair can be made");
    drop(there);
    let fd = Target::foreign(here.as_raw_fd());
    let error =
        perform(Op::Send { fd, buffer: b"x".as_ptr(), len: 1, flags: 0 }, soon()).expect_err("it is gone");
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn file_operations_ignore_deadlines() {
    let path = std::env::temp_dir().join(format!("fibra-blocking-{}", std::process::id()));
    let c_path = std::ffi::CString::new(path.to_str().expect("an ASCII path")).expect("no NUL in it");
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC;
    let past = Some(Instant::now());
    let file = perform(Op::Open { path: c_path.as_ptr(), flags, mode: 0o600 }, past).expect("it can be made");
    let fd = Target::foreign(file as i32);
    let write = Op::Write { fd, buffer: b"hello".as_ptr(), len: 5, offset: Offset::at(2) };
    assert_eq!(perform(write, past).expect("there is room"), 5);
    let mut buffer = [1u8; 8];
    let read = Op::Read { fd, buffer: buffer.as_mut_ptr(), len: 8, offset: Offset::at(0) };
    assert_eq!(perform(read, past).expect("data is there"), 7);
    assert_eq!(&buffer[..7], b"\0\0hello");
    assert_eq!(perform(Op::Sync { fd, data_only: true }, past).expect("it can be synced"), 0);
    assert_eq!(perform(Op::Close { fd: file as i32 }, past).expect("it is open"), 0);
    std::fs::remove_file(&path).expect("it is there");
}
