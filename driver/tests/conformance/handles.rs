//! The identity of descriptors: numbers are reused, and duplicates outlive what they were made from.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use fibra_driver::{Handle, Interest, Op, Target, Wait};

use crate::net::{accept, pair, recv, send};
use crate::rig::{Rig, errno};

/// Has the driver wait on the handle once, so that it knows it as well as it ever will.
fn acquaint(rig: &mut Rig, handle: &Handle) {
    let mut buffer = [0; 1];
    let waiting = rig.start(recv(handle.target(), &mut buffer));
    rig.settle();
    rig.cancel(waiting);
    assert_eq!(errno(rig.finish(waiting)), libc::ECANCELED);
}

promises! {
    fn a_reused_number_is_another_descriptor(rig) {
        let mut reused = 0;
        let mut before = -1;
        for round in 0..20u8 {
            let (here, mut there) = pair();
            reused += u32::from(here.as_raw_fd() == before);
            before = here.as_raw_fd();
            acquaint(rig, &here);
            let mut buffer = [0; 8];
            let recv = rig.start(recv(here.target(), &mut buffer));
            rig.settle();
            assert!(!rig.has_ended(recv), "an event of the number's earlier owner ended it");
            there.write_all(&[round]).expect("the peer is there");
            assert_eq!(rig.finish(recv).expect("data has come"), 1);
            assert_eq!(buffer[0], round);
        }
        println!("{reused} of 20 numbers were reused");
        rig.assert_idle();
    }

    fn a_duplicate_keeps_no_registration_alive(rig) {
        let (here, mut there) = pair();
        acquaint(rig, &here);
        let duplicate = here.as_fd().try_clone_to_owned().expect("a descriptor is free");
        let number = here.as_raw_fd();
        drop(here);
        // If anything of it were still watched, this would wake the driver before the time.
        let enters = rig.driver.stats().enters;
        there.write_all(b"to the duplicate").expect("the peer is there");
        rig.turn(Wait::Until(Instant::now() + Duration::from_millis(20)));
        assert_eq!(rig.driver.stats().enters - enters, 1, "the duplicate's event came");
        // The description lives on in the duplicate. Its events must not come under the old number any more.
        let (next, mut other) = UnixStream::pair().expect("a socket pair can be made");
        let mut parked = Vec::new();
        let next = claim_number(next, number, &mut parked);
        let mut buffer = [0; 8];
        let waiting = rig.start(recv(next.target(), &mut buffer));
        there.write_all(b", again").expect("the peer is there");
        rig.settle();
        assert!(!rig.has_ended(waiting));
        other.write_all(b"to the number").expect("the peer is there");
        assert_eq!(rig.finish(waiting).expect("data has come"), 8);
        assert_eq!(&buffer, b"to the n");
        let duplicate = Handle::new(duplicate);
        assert_eq!(rig.run(recv(duplicate.target(), &mut buffer)).expect("data is there"), 8);
        assert_eq!(&buffer, b"to the d");
    }

    fn both_a_descriptor_and_its_duplicate_can_wait(rig) {
        let (here, mut there) = pair();
        let duplicate = Handle::new(here.as_fd().try_clone_to_owned().expect("a descriptor is free"));
        let (mut first, mut second) = ([0; 1], [0; 1]);
        let first = rig.start(recv(here.target(), &mut first));
        let second = rig.start(recv(duplicate.target(), &mut second));
        rig.settle();
        there.write_all(b"ab").expect("the peer is there");
        assert_eq!(rig.finish(first).expect("a byte for each"), 1);
        assert_eq!(rig.finish(second).expect("a byte for each"), 1);
    }

    fn a_descriptor_that_leaves_is_as_it_came_and_nobody_watches_it(rig) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let address = listener.local_addr().expect("it is bound");
        let handle = Handle::new(listener.into());
        let waiting = rig.start(accept(&handle));
        rig.settle();
        rig.cancel(waiting);
        assert_eq!(errno(rig.finish(waiting)), libc::ECANCELED);
        let listener = TcpListener::from(handle.into_fd());
        // SAFETY: no pointers.
        let flags = unsafe { libc::fcntl(listener.as_raw_fd(), libc::F_GETFL) };
        assert_eq!(flags & libc::O_NONBLOCK, 0, "std's accept would fail");
        let mut client = TcpStream::connect(address).expect("somebody listens");
        let enters = rig.driver.stats().completions;
        rig.settle();
        assert_eq!(rig.driver.stats().completions, enters);
        let (mut server, _) = listener.accept().expect("the connection is there");
        client.write_all(b"!").expect("it is connected");
        server.read_exact(&mut [0]).expect("a byte was sent");
    }

    fn a_handle_can_be_used_with_two_drivers(rig) {
        let mut other = Rig::new(rig.kind);
        let (here, mut there) = pair();
        let mut buffer = [0; 4];
        for round in 0..10u8 {
            let (rig, idle) = if round % 2 == 0 { (&mut *rig, &mut other) } else { (&mut other, &mut *rig) };
            let recv = rig.start(recv(here.target(), &mut buffer));
            rig.settle();
            there.write_all(&[round]).expect("the peer is there");
            assert_eq!(rig.finish(recv).expect("data has come"), 1);
            assert_eq!(buffer[0], round);
            idle.settle();
        }
        drop(here);
        rig.assert_idle();
        other.assert_idle();
    }

    fn a_handle_may_outlive_a_driver_that_knew_it(rig) {
        let (here, mut there) = pair();
        let mut other = Rig::new(rig.kind);
        acquaint(&mut other, &here);
        drop(other);
        acquaint(rig, &here);
        there.write_all(b"!").expect("the peer is there");
        assert_eq!(rig.run(recv(here.target(), &mut [0; 1])).expect("data has come"), 1);
    }

    fn a_handle_may_be_dropped_by_another_thread(rig) {
        for _ in 0..20 {
            let (here, there) = pair();
            acquaint(rig, &here);
            std::thread::spawn(move || drop((here, there))).join().expect("dropping does not panic");
        }
        rig.assert_idle();
    }

    fn reading_and_writing_on_one_handle_wait_independently(rig) {
        let (here, mut there) = pair();
        let block = vec![0u8; 1 << 16];
        let full = loop {
            let send = rig.start(send(here.target(), &block));
            rig.settle();
            if !rig.has_ended(send) {
                break send;
            }
            rig.finish(send).expect("there was room");
        };
        let mut buffer = [0; 2];
        let recv = rig.start(recv(here.target(), &mut buffer));
        rig.settle();
        there.write_all(b"ab").expect("there is room in this direction");
        assert_eq!(rig.finish(recv).expect("data has come"), 2);
        assert!(!rig.has_ended(full));
        rig.cancel(full);
        let _ = rig.finish(full);
    }

    fn a_foreign_name_for_a_handle_works(rig) {
        let (here, mut there) = pair();
        acquaint(rig, &here);
        let foreign = Target::foreign(here.as_raw_fd());
        let poll = rig.start(Op::Poll { fd: foreign, interest: Interest::READABLE });
        let mut buffer = [0; 1];
        let recv = rig.start(recv(here.target(), &mut buffer));
        rig.settle();
        assert!(!rig.has_ended(poll) && !rig.has_ended(recv));
        there.write_all(b"!").expect("the peer is there");
        assert_eq!(rig.finish(recv).expect("data has come"), 1);
        rig.cancel(poll);
        let _ = rig.finish(poll);
        rig.assert_idle();
    }
}

/// Gives `stream` the number `number`: as the kernel would, sooner or later.
fn claim_number(stream: UnixStream, number: i32, parked: &mut Vec<UnixStream>) -> Handle {
    if stream.as_raw_fd() == number {
        return Handle::new(stream.into());
    }
    // SAFETY: the number is below the limit, as it was in use; whether it is free, F_DUPFD finds out.
    let fd = unsafe { libc::fcntl(stream.as_raw_fd(), libc::F_DUPFD_CLOEXEC, number) };
    parked.push(stream);
    // SAFETY: the descriptor was just made and is nobody else's; it lives until it is cloned.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let owned = if fd == number {
        // SAFETY: as above: nobody else's.
        unsafe { std::os::fd::FromRawFd::from_raw_fd(fd) }
    } else {
        // Another test was faster. The promise holds for any number.
        borrowed.try_clone_to_owned().expect("a descriptor is free")
    };
    Handle::new(owned)
}
