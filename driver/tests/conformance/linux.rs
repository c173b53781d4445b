//! What only Linux has: files without the page cache, eventfds, watches of files; and how its own backends go about it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use fibra_driver::{BackendKind, Handle, Interest, Offset, Op, RawAddress, Target, Wait};

use crate::batching::{CONNECTIONS, ROUNDS, run};
use crate::edges::{connection, duplicate, emptied, poll};
use crate::net::{pair, recv};
use crate::rig::{Rig, errno};
use crate::scratch::{Scratch, read, write};

/// A block at an address that `O_DIRECT` takes.
#[repr(align(4096))]
struct Block([u8; 4096]);

/// A file that is read and written past the page cache, in a folder on a disk: the temporary one may be in memory, where
/// older systems have no such thing.
fn direct_file(scratch: &mut Scratch) -> Handle {
    scratch.0 = Path::new(env!("CARGO_TARGET_TMPDIR")).join(scratch.0.file_name().expect("it has a name"));
    let mut options = File::options();
    options.read(true).write(true).create(true).custom_flags(libc::O_DIRECT);
    Handle::new(options.open(&scratch.0).expect("the target directory's disk has direct I/O").into())
}

fn eventfd() -> File {
    // SAFETY: no pointers; the descriptor is new.
    unsafe { File::from(OwnedFd::from_raw_fd(libc::eventfd(0, libc::EFD_CLOEXEC))) }
}

promises! {
    /// Its length says so, on this system: the room for it stays as it was.
    fn a_sender_without_a_name_has_no_address(rig) {
        let (here, there) = UnixDatagram::pair().expect("a socket pair can be made");
        there.send(b"hello").expect("the peer is there");
        let (socket, mut buffer, mut sender) = (Handle::new(here.into()), [0; 8], RawAddress::empty());
        let (fd, address) = (socket.target(), &raw mut sender);
        let receive = Op::RecvFrom { fd, buffer: buffer.as_mut_ptr(), len: buffer.len(), peek: false, address };
        assert_eq!(rig.run(receive).expect("it has come"), 5);
        assert_eq!(format!("{sender:?}"), "RawAddress(family 0, 0 bytes)");
    }

    /// Nothing tells that there is room: the sender's own socket is writable all the time.
    fn a_datagram_for_a_full_queue_waits_and_can_be_cancelled(rig) {
        let scratch = Scratch::new();
        let receiver = UnixDatagram::bind(&scratch.0).expect("a path in the temporary directory");
        let receiver_address = RawAddress::from(&receiver.local_addr().expect("it is bound"));
        let sender = Handle::new(UnixDatagram::unbound().expect("there are descriptors").into());
        let (buffer, len) = (b"x".as_ptr(), 1);
        let connected = UnixDatagram::unbound().expect("there are descriptors");
        connected.connect(&scratch.0).expect("it is only noted");
        let connected = Handle::new(connected.into());
        for (socket, address) in [(&sender, &raw const receiver_address), (&connected, std::ptr::null())] {
            let send = Op::SendTo { fd: socket.target(), buffer, len, address };
            let waiting = loop {
                let sent = rig.start(send);
                rig.settle();
                if !rig.has_ended(sent) {
                    break sent;
                }
                assert_eq!(rig.finish(sent).expect("there was room"), 1);
            };
            rig.cancel(waiting);
            assert_eq!(errno(rig.finish(waiting)), libc::ECANCELED);
            let waiting = rig.start(send);
            rig.settle();
            assert!(!rig.has_ended(waiting));
            assert_eq!(receiver.recv(&mut [0; 8]).expect("the queue is full"), 1);
            assert_eq!(rig.finish(waiting).expect("there is room now"), 1);
        }
        receiver.set_nonblocking(true).expect("a socket has modes");
        while let Ok(length) = receiver.recv(&mut [0; 8]) {
            assert_eq!(length, 1, "no datagram came without its bytes");
        }
        rig.assert_idle();
    }

    fn a_file_without_the_page_cache_is_read_and_written(rig) {
        let mut scratch = Scratch::new();
        let file = direct_file(&mut scratch);
        let mut block = Block([0; 4096]);
        for round in 1..=3u8 {
            block.0.fill(round);
            let offset = Offset::at(4096 * u64::from(round));
            assert_eq!(rig.run(write(&file, &block.0, offset)).expect("there is space"), 4096);
            block.0.fill(0);
            assert_eq!(rig.run(read(&file, &mut block.0, offset)).expect("it is there"), 4096);
            assert!(block.0.iter().all(|&byte| byte == round));
            // Where there is no readiness of disks, a thread of the pool waits for this one, and not the driver's.
            let offloaded = if rig.is_ring() { 0 } else { 2 * u64::from(round) };
            assert_eq!(rig.driver.stats().offloaded, offloaded);
        }
    }

    fn a_pipe_in_packet_mode_is_no_file(rig) {
        let mut ends = [0; 2];
        // SAFETY: there is room for two descriptors.
        assert_eq!(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_DIRECT) }, 0);
        // SAFETY: both are new, and nobody else's.
        let [reader, writer] = ends.map(|fd| Handle::new(unsafe { OwnedFd::from_raw_fd(fd) }));
        let mut buffer = [0; 8];
        let waiting = rig.start(read(&reader, &mut buffer, Offset::CURRENT));
        rig.settle();
        assert!(!rig.has_ended(waiting));
        assert_eq!(rig.run(write(&writer, b"packet", Offset::CURRENT)).expect("there is room"), 6);
        assert_eq!(rig.finish(waiting).expect("it has come"), 6);
        assert_eq!(rig.driver.stats().offloaded, 0);
    }


    fn a_stream_that_knows_only_blocking_reads_and_eagain_is_polled(rig) {
        // inotify has no reads that can be told not to wait: in non-blocking mode a ring gets EAGAIN from it.
        let directory = std::env::temp_dir().join(format!("fibra-watched-{}-{}", std::process::id(), rig.kind));
        std::fs::create_dir_all(&directory).expect("a directory in the temporary directory");
        let path = std::ffi::CString::new(directory.to_str().expect("an ASCII path")).expect("no NUL in it");
        for flags in [libc::IN_NONBLOCK, 0] {
            // SAFETY: the descriptor is new, and the path is NUL-terminated.
            let watch = unsafe {
                let watch = OwnedFd::from_raw_fd(libc::inotify_init1(flags | libc::IN_CLOEXEC));
                assert!(libc::inotify_add_watch(watch.as_raw_fd(), path.as_ptr(), libc::IN_CREATE) >= 0);
                Handle::new(watch)
            };
            let mut buffer = [0; 512];
            let offset = fibra_driver::Offset::CURRENT;
            let read = Op::Read { fd: watch.target(), buffer: buffer.as_mut_ptr(), len: 512, offset };
            let waiting = rig.start(read);
            rig.settle();
            assert!(!rig.has_ended(waiting), "it must not end with EAGAIN");
            std::fs::write(directory.join("file"), "").expect("the directory is there");
            assert_ne!(rig.finish(waiting).expect("an event has come"), 0);
            std::fs::remove_file(directory.join("file")).expect("it is there");
            let cancelled = rig.start(read);
            rig.settle();
            rig.cancel(cancelled);
            assert_eq!(errno(rig.finish(cancelled)), libc::ECANCELED);
        }
        std::fs::remove_dir(&directory).expect("it is empty");
        rig.assert_idle();
    }

    fn an_eventfd_can_be_polled(rig) {
        let mut event = eventfd();
        let waiting = rig.start(poll(Target::foreign(event.as_raw_fd()), Interest::READABLE));
        rig.settle();
        assert!(!rig.has_ended(waiting));
        event.write_all(&1u64.to_ne_bytes()).expect("the counter has room");
        assert_ne!(rig.finish(waiting).expect("it is ready") & Interest::READABLE.bits(), 0);
        let writable = rig.run(poll(Target::foreign(event.as_raw_fd()), Interest::WRITABLE)).expect("it is ready");
        assert_ne!(writable & Interest::WRITABLE.bits(), 0);
    }
}

#[test]
fn a_busy_ring_takes_at_least_16_operations_with_each_enter() {
    let mut rig = Rig::new(BackendKind::IoUring);
    run(&mut rig);
    rig.turn(Wait::Not);
    let stats = rig.driver.stats();
    let per_enter = stats.operations as f64 / stats.enters as f64;
    println!("{per_enter:.1} operations per enter: {stats:?}");
    assert_eq!(stats.operations, (CONNECTIONS * ROUNDS * 4) as u64);
    assert!(per_enter >= 16.0);
}

fn set_option(fd: RawFd, name: i32, value: i32) {
    // SAFETY: the value is valid for its size.
    let result = unsafe {
        libc::setsockopt(fd, libc::SOL_SOCKET, name, (&raw const value).cast(), size_of::<i32>() as u32)
    };
    assert_eq!(result, 0);
}

/// Whether a receive is tried, when `there` sends "1234", and then "567890". Fewer bytes than the low-water mark give no
/// event, and a receive that is tried takes them all the same. Returns what the receive got.
fn receive_with_mark(rig: &mut Rig, here: &Handle, there: &mut TcpStream) -> u32 {
    set_option(here.as_raw_fd(), libc::SO_RCVLOWAT, 10);
    there.write_all(b"1234").expect("it is connected");
    thread::sleep(Duration::from_millis(1));
    let mut buffer = [0; 16];
    let waiting = rig.start(recv(here.target(), &mut buffer));
    rig.settle();
    there.write_all(b"567890").expect("it is connected");
    rig.finish(waiting).expect("data has come")
}

#[test]
fn epoll_does_not_try_what_would_find_nothing() {
    let mut rig = Rig::new(BackendKind::Epoll);
    // After a short receive.
    let (here, mut there) = emptied(&mut rig);
    assert_eq!(receive_with_mark(&mut rig, &here, &mut there), 10);
    // After one that found nothing.
    let (here, mut there) = connection();
    let mut buffer = [0; 1];
    let waiting = rig.start(recv(here.target(), &mut buffer));
    rig.settle();
    rig.cancel(waiting);
    assert_eq!(errno(rig.finish(waiting)), libc::ECANCELED);
    assert_eq!(receive_with_mark(&mut rig, &here, &mut there), 10);
    // After the caller's own.
    let (here, mut there) = emptied(&mut rig);
    there.write_all(b"abc").expect("it is connected");
    rig.run(poll(here.target(), Interest::READABLE)).expect("data has come");
    assert_eq!(duplicate(&here).read(&mut [0; 8]).expect("data is there"), 3);
    rig.driver.note_emptied(&here);
    assert_eq!(receive_with_mark(&mut rig, &here, &mut there), 10);
}

#[test]
fn epoll_tries_what_may_find_something() {
    let mut rig = Rig::new(BackendKind::Epoll);
    // Nobody has watched it yet.
    let (here, mut there) = connection();
    assert_eq!(receive_with_mark(&mut rig, &here, &mut there), 4);
    // The room was filled.
    let (here, mut there) = emptied(&mut rig);
    there.write_all(b"x").expect("it is connected");
    assert_eq!(rig.run(recv(here.target(), &mut [0; 1])).expect("data has come"), 1);
    assert_eq!(receive_with_mark(&mut rig, &here, &mut there), 4);
    // More has come, as an event has told.
    let (here, mut there) = emptied(&mut rig);
    there.write_all(b"x").expect("it is connected");
    rig.run(poll(here.target(), Interest::READABLE)).expect("data has come");
    assert_eq!(receive_with_mark(&mut rig, &here, &mut there), 5);
}

/// On a local socket, a receive stops where a descriptor was sent along, with more behind it.
#[test]
fn epoll_trusts_a_short_receive_of_tcp_alone() {
    let mut rig = Rig::new(BackendKind::Epoll);
    let (here, mut there) = pair();
    let mut buffer = [0; 8];
    let waiting = rig.start(recv(here.target(), &mut buffer));
    rig.settle();
    send_with_descriptor(&there, b"one");
    there.write_all(b"more").expect("it is connected");
    assert_eq!(rig.finish(waiting).expect("data has come"), 3);
    assert_eq!(rig.run(recv(here.target(), &mut buffer)).expect("data is there"), 4);
}

fn send_with_descriptor(stream: &UnixStream, bytes: &[u8]) {
    let mut slice = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut control = [0u64; 4];
    // SAFETY: plain data, for which all zeros is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    (message.msg_iov, message.msg_iovlen) = (&raw mut slice, 1);
    message.msg_control = control.as_mut_ptr().cast();
    // SAFETY: the control buffer is aligned and large enough for one header with one descriptor; all pointers are valid
    // for the call.
    let sent = unsafe {
        message.msg_controllen = libc::CMSG_SPACE(4) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        ((*header).cmsg_level, (*header).cmsg_type) = (libc::SOL_SOCKET, libc::SCM_RIGHTS);
        (*header).cmsg_len = libc::CMSG_LEN(4) as _;
        libc::CMSG_DATA(header).cast::<i32>().write_unaligned(stream.as_raw_fd());
        libc::sendmsg(stream.as_raw_fd(), &raw const message, 0)
    };
    assert_eq!(sent, bytes.len() as isize);
}
