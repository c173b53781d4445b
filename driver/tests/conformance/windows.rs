//! Handles and sockets of Windows: packets and their homes, files, and what goes wrong.

use std::fs::{self, File};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::AsRawSocket;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fibra_driver::{Descriptor, Handle, Interest, Offset, Op, OpenFlags, RawAddress, RawStatx, Target};
use windows_sys::Win32::Foundation::{ERROR_FILE_EXISTS, ERROR_FILE_NOT_FOUND, GENERIC_READ, GENERIC_WRITE};
use windows_sys::Win32::Networking::WinSock::{SOCKET, WSAENOTSOCK, closesocket};
use windows_sys::Win32::Storage::FileSystem::{CREATE_NEW, FILE_ATTRIBUTE_NORMAL, FILE_FLAG_OVERLAPPED};

use crate::net::{accept, listen, own, pair, recv, send};
use crate::rig::system::{self, CANCELED, Stream};
use crate::rig::{Rig, errno};

/// A path that is gone when the test is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Scratch(std::env::temp_dir().join(format!("fibra-driver-{}-{number}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        let _ = fs::remove_file(&self.0);
    }
}

fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}

fn open(rig: &mut Rig, path: &Path, disposition: Option<u32>) -> std::io::Result<Handle> {
    let mut flags = OpenFlags { access: GENERIC_READ | GENERIC_WRITE, ..OpenFlags::default() };
    flags.disposition = disposition.unwrap_or(flags.disposition);
    let path = wide(path);
    let result =
        rig.run(Op::Open { path: path.as_ptr(), flags, mode: FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OVERLAPPED });
    // SAFETY: an open's result is a new descriptor that belongs to whoever receives it.
    result.map(|file| Handle::new(unsafe { fibra_driver::descriptor(file) }))
}

fn create(rig: &mut Rig, path: &Path) -> Handle {
    open(rig, path, Some(CREATE_NEW)).expect("a file in the temporary directory")
}

fn write(file: &Handle, data: &[u8], offset: Offset) -> Op {
    Op::Write { fd: file.target(), buffer: data.as_ptr(), len: data.len(), offset }
}

fn read(file: &Handle, data: &mut [u8], offset: Offset) -> Op {
    Op::Read { fd: file.target(), buffer: data.as_mut_ptr(), len: data.len(), offset }
}

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

    fn a_handle_that_is_not_overlapped_goes_to_the_pool(rig) {
        let (reader, mut writer) = std::io::pipe().expect("a pipe can be made");
        let reader = Handle::new(std::os::windows::io::OwnedHandle::from(reader).into());
        let mut buffer = [0; 8];
        let waiting = rig.start(read(&reader, &mut buffer, Offset::CURRENT));
        rig.settle();
        assert!(!rig.has_ended(waiting));
        writer.write_all(b"abc").expect("the pipe has room");
        assert_eq!(rig.finish(waiting).expect("data has come"), 3);
        assert_eq!(rig.driver.stats().offloaded, 1);
        drop(writer);
        assert_eq!(rig.run(read(&reader, &mut buffer, Offset::CURRENT)).expect("the end is no error"), 0);
    }

    fn a_console_or_whatever_standard_input_is_has_no_readiness(rig) {
        use std::os::windows::io::AsRawHandle;
        let stdin = Target::foreign(std::io::stdin().as_raw_handle().addr());
        match rig.run(Op::Poll { fd: stdin, interest: Interest::READABLE }) {
            // A file, as the harness may give it, is always ready.
            Ok(ready) => assert_ne!(ready & Interest::READABLE.bits(), 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
        }
    }

    fn a_file_of_the_standard_library_is_read_at_offsets_and_where_it_stands(rig) {
        let scratch = Scratch::new();
        fs::write(&scratch.0, b"hello world").expect("a file in the temporary directory");
        let file = Handle::new(File::open(&scratch.0).expect("it is there").into());
        let mut buffer = [0; 5];
        assert_eq!(rig.run(read(&file, &mut buffer, Offset::at(6))).expect("data is there"), 5);
        assert_eq!(&buffer, b"world");
        assert_eq!(rig.run(read(&file, &mut buffer, Offset::at(11))).expect("the end is no error"), 0);
    }

    fn reads_and_writes_happen_at_their_offsets(rig) {
        let scratch = Scratch::new();
        let file = create(rig, &scratch.0);
        assert_eq!(rig.run(write(&file, b"world", Offset::at(6))).expect("there is room"), 5);
        assert_eq!(rig.run(write(&file, b"hello ", Offset::at(0))).expect("there is room"), 6);
        let mut buffer = [0; 32];
        assert_eq!(rig.run(read(&file, &mut buffer, Offset::at(3))).expect("data is there"), 8);
        assert_eq!(&buffer[..8], b"lo world");
        assert_eq!(rig.run(read(&file, &mut buffer, Offset::at(11))).expect("the end is no error"), 0);
    }

    fn the_files_own_position_moves_along(rig) {
        let scratch = Scratch::new();
        let file = create(rig, &scratch.0);
        for part in [b"one", b"two"] {
            assert_eq!(rig.run(write(&file, part, Offset::CURRENT)).expect("there is room"), 3);
        }
        assert_eq!(rig.run(read(&file, &mut [0; 8], Offset::CURRENT)).expect("the end is no error"), 0);
        assert_eq!(fs::read(&scratch.0).expect("it is there"), b"onetwo");
    }

    fn vectored_reads_and_writes_use_all_slices(rig) {
        let scratch = Scratch::new();
        let file = create(rig, &scratch.0);
        let parts = [IoSlice::new(b"ab"), IoSlice::new(b"cde")];
        let slices = parts.as_ptr().cast();
        let op = Op::WriteVectored { fd: file.target(), slices, count: 2, offset: Offset::at(0) };
        assert_eq!(rig.run(op).expect("there is room"), 5);
        let (mut first, mut second) = ([0; 3], [0; 4]);
        let mut parts = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        let slices = parts.as_mut_ptr().cast();
        let op = Op::ReadVectored { fd: file.target(), slices, count: 2, offset: Offset::at(1) };
        assert_eq!(rig.run(op).expect("data is there"), 4);
        assert_eq!((&first, &second[..1]), (b"bcd", &b"e"[..]));
    }

    fn open_creates_and_opens_and_says_what_is_wrong(rig) {
        let scratch = Scratch::new();
        let error = open(rig, &scratch.0, None).expect_err("not yet");
        assert_eq!(error.raw_os_error(), Some(ERROR_FILE_NOT_FOUND as i32));
        drop(create(rig, &scratch.0));
        let error = open(rig, &scratch.0, Some(CREATE_NEW)).expect_err("it is there");
        assert_eq!(error.raw_os_error(), Some(ERROR_FILE_EXISTS as i32));
    }

    fn a_path_may_be_longer_than_max_path(rig) {
        let scratch = Scratch::new();
        let mut path = scratch.0.clone();
        (0..8).for_each(|_| path.push("a-directory-with-quite-a-long-name-to-get-there"));
        fs::create_dir_all(&path).expect("the standard library knows how");
        path.push("file");
        assert!(path.as_os_str().len() > 260);
        let file = create(rig, &path);
        assert_eq!(rig.run(write(&file, b"deep", Offset::at(0))).expect("there is room"), 4);
        assert_eq!(fs::read(&path).expect("it is there"), b"deep");
        let units = wide(&path);
        let mut status = RawStatx::default();
        let op = Op::Statx { fd: None, path: units.as_ptr(), flags: 0, mask: 0, out: &raw mut status };
        assert_eq!(rig.run(op).expect("it is there"), 0);
        assert_eq!(status.nFileSizeLow, 4);
    }

    fn status_and_sync_and_close(rig) {
        let scratch = Scratch::new();
        let file = create(rig, &scratch.0);
        rig.run(write(&file, b"12345", Offset::at(0))).expect("there is room");
        assert_eq!(rig.run(Op::Sync { fd: file.target(), data_only: false }).expect("it can be synced"), 0);
        let path = wide(&scratch.0);
        for (fd, path) in [(None, path.as_ptr()), (Some(file.target().fd()), std::ptr::null())] {
            let mut status = RawStatx::default();
            let op = Op::Statx { fd, path, flags: 0, mask: 0, out: &raw mut status };
            assert_eq!(rig.run(op).expect("it is there"), 0);
            assert_eq!(status.nFileSizeLow, 5);
        }
        let fd = file.target().fd();
        std::mem::forget(file.into_fd());
        let close = rig.start(Op::Close { fd });
        assert!(close.key.is_some(), "a file's close may write, and was done at once");
        assert_eq!(rig.finish(close).expect("it is open"), 0);
        let (socket, mut peer) = pair();
        let fd = socket.target().fd();
        std::mem::forget(socket.into_fd());
        assert_eq!(rig.run(Op::Close { fd }).expect("it is open"), 0);
        assert_eq!(peer.read(&mut [0; 1]).expect("the end is no error"), 0);
    }

    fn an_operation_on_what_is_no_socket_is_an_error(rig) {
        let scratch = Scratch::new();
        let file = create(rig, &scratch.0);
        assert_eq!(errno(rig.run(recv(file.target(), &mut [0; 4]))), WSAENOTSOCK);
    }

    fn a_cancelled_file_operation_ends_once(rig) {
        let scratch = Scratch::new();
        let file = create(rig, &scratch.0);
        let data = vec![7u8; 1 << 20];
        for _ in 0..20 {
            let write = rig.start(write(&file, &data, Offset::at(0)));
            let sync = rig.start(Op::Sync { fd: file.target(), data_only: false });
            rig.cancel(write);
            rig.cancel(sync);
            for started in [write, sync] {
                if let Err(error) = rig.finish(started) {
                    assert_eq!(error.raw_os_error(), Some(CANCELED));
                }
            }
        }
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

/// What a thread without a driver does.
fn perform(op: Op, deadline: Option<Instant>) -> std::io::Result<u32> {
    // SAFETY: every test keeps what its operation points to until this returns.
    unsafe { op.perform_blocking(deadline) }
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(20))
}

#[test]
fn a_thread_without_a_driver_waits_by_itself_and_not_beyond_its_deadline() {
    let (here, mut there) = pair();
    let mut buffer = [0; 8];
    let deadline = soon();
    let error = perform(recv(here.target(), &mut buffer), deadline).expect_err("nothing comes");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(deadline.is_some_and(|deadline| Instant::now() >= deadline));
    let writer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        there.write_all(b"late").expect("the peer is there");
        there
    });
    assert_eq!(perform(recv(here.target(), &mut buffer), None).expect("data comes"), 4);
    let _there = writer.join().expect("the writer ends");
    let fd = here.target();
    let now = Op::Recv { fd, buffer: buffer.as_mut_ptr(), len: 8, flags: system::DONT_WAIT };
    assert_eq!(perform(now, None).expect_err("nothing is there").raw_os_error(), Some(system::WOULD_BLOCK));
    let mut bytes = Vec::new();
    let shared = Op::RecvShared { fd, bytes: &raw mut bytes };
    assert_eq!(perform(shared, soon()).expect_err("nothing comes").kind(), ErrorKind::TimedOut);
    let ready = Op::Poll { fd, interest: Interest::WRITABLE };
    assert_ne!(perform(ready, None).expect("there is room") & Interest::WRITABLE.bits(), 0);
}

#[test]
fn a_thread_without_a_driver_connects_and_accepts() {
    let (listener, address) = listen();
    let nobody = perform(accept(&listener), soon()).expect_err("nobody comes");
    assert_eq!(nobody.kind(), ErrorKind::TimedOut);
    let address = RawAddress::from(address);
    let client = Handle::new(system::tcp_socket());
    let connect = Op::Connect { fd: client.target(), address: &raw const address };
    let connecting = thread::scope(|scope| {
        let accepted = scope.spawn(|| own(perform(accept(&listener), None)));
        perform(connect, None).expect("somebody listens");
        accepted.join().expect("a connection comes")
    });
    let server = Handle::new(connecting);
    assert_eq!(perform(send(client.target(), b"hi"), None).expect("there is room"), 2);
    assert_eq!(perform(recv(server.target(), &mut [0; 8]), None).expect("data comes"), 2);
}

#[test]
fn a_driver_and_a_thread_without_one_share_a_handle() {
    let (here, mut there) = pair();
    let mut rig = Rig::new(fibra_driver::BackendKind::Iocp);
    for _ in 0..3 {
        let mut buffer = [0; 8];
        let waiting = rig.start(recv(here.target(), &mut buffer));
        rig.settle();
        there.write_all(b"!").expect("the peer is there");
        assert_eq!(rig.finish(waiting).expect("data has come"), 1);
        there.write_all(b"?").expect("the peer is there");
        // Its end is an event of its own: no packet may come to the driver, which knows nothing of it.
        assert_eq!(perform(recv(here.target(), &mut buffer), None).expect("data comes"), 1);
    }
    rig.assert_idle();
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
