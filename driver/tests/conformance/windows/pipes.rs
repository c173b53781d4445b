//! Named pipes, and files that the system sends by itself.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use fibra_driver::{Capability, Handle, Offset, Op, OpenFlags, Target};
use windows_sys::Win32::Foundation::{GENERIC_READ, GENERIC_WRITE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Storage::FileSystem::{FILE_FLAG_OVERLAPPED, PIPE_ACCESS_DUPLEX};
use windows_sys::Win32::System::Pipes::{CreateNamedPipeW, PIPE_UNLIMITED_INSTANCES};

use super::files::wide;
use super::without_driver::{perform, soon};
use crate::net::pair;
use crate::rig::errno;
use crate::rig::system::CANCELED;
use crate::scratch::{Scratch, read, write};

/// A name that nobody else has.
fn name() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    PathBuf::from(format!(r"\\.\pipe\fibra-driver-{}-{number}", std::process::id()))
}

/// A server's end, and the name by which clients open the other one.
fn server() -> (Handle, PathBuf) {
    let name = name();
    (server_of(&name), name)
}

fn server_of(name: &Path) -> Handle {
    const BUFFER: u32 = 4096;
    // SAFETY: the name is ended by zero. There are no attributes.
    let pipe = unsafe {
        let (path, access) = (wide(name), PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED);
        CreateNamedPipeW(path.as_ptr(), access, 0, PIPE_UNLIMITED_INSTANCES, BUFFER, BUFFER, 0, ptr::null())
    };
    assert_ne!(pipe, INVALID_HANDLE_VALUE, "a pipe can be made");
    // SAFETY: the handle is new, and nobody else's.
    Handle::new(unsafe { OwnedHandle::from_raw_handle(pipe) }.into())
}

fn client(name: &PathBuf) -> File {
    OpenOptions::new().read(true).write(true).open(name).expect("the pipe has a server")
}

fn accept(server: &Handle) -> Op {
    Op::AcceptPipe { fd: server.target() }
}

/// A file with these bytes.
fn file_of(bytes: &[u8]) -> (File, Scratch) {
    let scratch = Scratch::new();
    fs::write(&scratch.0, bytes).expect("a file in the temporary directory");
    (File::open(&scratch.0).expect("it is there"), scratch)
}

fn send_file(fd: Target, file: &File, offset: u64, len: usize) -> Op {
    Op::SendFile { fd, file: file.as_raw_handle().addr(), offset, len }
}

promises! {
    fn a_pipe_waits_for_its_client_and_carries_bytes_both_ways(rig) {
        let (server, name) = server();
        let waiting = rig.start(accept(&server));
        rig.settle();
        assert!(!rig.has_ended(waiting));
        let mut client = client(&name);
        assert_eq!(rig.finish(waiting).expect("a client has come"), 0);
        let mut buffer = [0; 8];
        let reading = rig.start(read(&server, &mut buffer, Offset::CURRENT));
        rig.settle();
        assert!(!rig.has_ended(reading));
        client.write_all(b"ping").expect("the pipe has room");
        assert_eq!(rig.finish(reading).expect("data has come"), 4);
        assert_eq!(rig.run(write(&server, b"pong", Offset::CURRENT)).expect("the pipe has room"), 4);
        client.read_exact(&mut buffer[..4]).expect("data is there");
        assert_eq!(&buffer[..4], b"pong");
        drop(client);
        assert_eq!(rig.run(read(&server, &mut buffer, Offset::CURRENT)).expect("the end is no error"), 0);
        assert_eq!(rig.driver.stats().offloaded, 0);
        rig.assert_idle();
    }

    fn a_long_name_is_a_name_all_the_same(rig) {
        let name = PathBuf::from(format!("{}-{}", name().display(), "x".repeat(222)));
        let server = server_of(&name);
        let (waiting, path) = (rig.start(accept(&server)), wide(&name));
        let flags = OpenFlags { access: GENERIC_READ | GENERIC_WRITE, ..OpenFlags::default() };
        let client = rig.run(Op::Open { path: path.as_ptr(), flags, mode: 0 }).expect("the pipe has a server");
        rig.finish(waiting).expect("a client has come");
        // SAFETY: an open's result is a new descriptor that belongs to whoever receives it.
        drop(unsafe { fibra_driver::descriptor(client) });
    }

    fn a_client_that_was_quicker_is_there(rig) {
        let (server, name) = server();
        let client = client(&name);
        assert_eq!(rig.run(accept(&server)).expect("a client is there"), 0);
        drop(client);
    }

    fn a_client_that_has_gone_again_has_left_its_bytes(rig) {
        let (server, name) = server();
        client(&name).write_all(b"bye").expect("the pipe has room");
        assert_eq!(rig.run(accept(&server)).expect("a client was there"), 0);
        let mut buffer = [0; 8];
        assert_eq!(rig.run(read(&server, &mut buffer, Offset::CURRENT)).expect("data is there"), 3);
        assert_eq!(rig.run(read(&server, &mut buffer, Offset::CURRENT)).expect("the end is no error"), 0);
    }

    fn waiting_for_a_client_or_its_bytes_can_be_cancelled(rig) {
        let (server, name) = server();
        let waiting = rig.start(accept(&server));
        rig.settle();
        rig.cancel(waiting);
        assert_eq!(errno(rig.finish(waiting)), CANCELED);
        let waiting = rig.start(accept(&server));
        let mut client = client(&name);
        rig.finish(waiting).expect("the pipe is as it was");
        let mut buffer = [0; 8];
        let reading = rig.start(read(&server, &mut buffer, Offset::CURRENT));
        rig.settle();
        rig.cancel(reading);
        assert_eq!(errno(rig.finish(reading)), CANCELED);
        client.write_all(b"late").expect("the pipe has room");
        assert_eq!(rig.run(read(&server, &mut buffer, Offset::CURRENT)).expect("nothing was lost"), 4);
        rig.assert_idle();
    }

    fn a_pipe_whose_client_is_gone_is_broken(rig) {
        let (server, name) = server();
        let client = client(&name);
        rig.run(accept(&server)).expect("a client is there");
        drop(client);
        let error = rig.run(write(&server, b"anybody?", Offset::CURRENT)).expect_err("nobody reads");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    fn a_part_of_a_file_is_sent_and_its_end_ends_it(rig) {
        let (here, mut there) = pair();
        let (file, _scratch) = file_of(b"a file of bytes");
        let send = send_file(here.target(), &file, 2, 4);
        assert_eq!(rig.driver.capability(&send), Capability::Native);
        assert_eq!(rig.run(send).expect("the socket has room"), 4);
        assert_eq!(rig.run(send_file(here.target(), &file, 7, usize::MAX)).expect("there is room"), 8);
        for beyond in [15, 16, u64::MAX] {
            assert_eq!(rig.run(send_file(here.target(), &file, beyond, 1)).expect("it is the end"), 0);
        }
        drop(here);
        let mut sent = String::new();
        there.read_to_string(&mut sent).expect("text was sent");
        assert_eq!(sent, "fileof bytes");
        rig.assert_idle();
    }

    fn a_file_waits_for_a_slow_reader_and_can_be_cancelled(rig) {
        let (here, mut there) = pair();
        let bytes: Vec<u8> = (0..8 << 20).map(|index: u32| (index % 251) as u8).collect();
        let (file, _scratch) = file_of(&bytes);
        let reader = thread::spawn(move || {
            let mut sent = Vec::new();
            there.read_to_end(&mut sent).map(|_| sent)
        });
        let mut done = 0;
        while done < bytes.len() {
            let send = send_file(here.target(), &file, done as u64, bytes.len());
            done += rig.run(send).expect("the peer is there") as usize;
        }
        rig.run(Op::Shutdown { fd: here.target(), how: Shutdown::Write }).expect("it is connected");
        assert!(reader.join().expect("the reader ends").expect("all came") == bytes);

        let (here, _there) = pair();
        let sending = rig.start(send_file(here.target(), &file, 0, bytes.len()));
        rig.settle();
        assert!(!rig.has_ended(sending), "nobody reads eight megabytes");
        rig.cancel(sending);
        match rig.finish(sending) {
            Ok(sent) => assert!((sent as usize) < bytes.len()),
            Err(error) => assert_eq!(error.raw_os_error(), Some(CANCELED)),
        }
        rig.assert_idle();
    }

    fn what_is_no_file_can_not_be_sent(rig) {
        let (here, _there) = pair();
        let (reader, _writer) = std::io::pipe().expect("a pipe can be made");
        let reader = File::from(OwnedHandle::from(reader));
        rig.run(send_file(here.target(), &reader, 0, 1)).expect_err("it has no size");
        rig.assert_idle();
    }
}

#[test]
fn a_thread_without_a_driver_waits_for_clients_and_sends_files() {
    let (server, name) = server();
    let nobody = perform(accept(&server), soon()).expect_err("nobody comes");
    assert_eq!(nobody.kind(), ErrorKind::TimedOut);
    let mut client = client(&name);
    assert_eq!(perform(accept(&server), None).expect("a client is there"), 0);
    let mut buffer = [0; 8];
    let nothing = perform(read(&server, &mut buffer, Offset::CURRENT), soon()).expect_err("nothing comes");
    assert_eq!(nothing.kind(), ErrorKind::TimedOut);
    client.write_all(b"ping").expect("the pipe has room");
    assert_eq!(perform(read(&server, &mut buffer, Offset::CURRENT), None).expect("data is there"), 4);
    let (here, mut there) = pair();
    let (file, _scratch) = file_of(b"hello");
    assert_eq!(perform(send_file(here.target(), &file, 1, 9), None).expect("there is room"), 4);
    there.read_exact(&mut buffer[..4]).expect("data is there");
    assert_eq!(&buffer[..4], b"ello");
}
