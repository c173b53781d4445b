//! Readiness of descriptors, also of those that fibra does not own.

use std::fs::File;
use std::io::{PipeReader, Read, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use fibra_driver::{Interest, Offset, Op, Target, Wait};

use crate::net::pair;
use crate::rig::errno;

pub fn poll(fd: &impl AsRawFd, interest: Interest) -> Op {
    Op::Poll { fd: Target::foreign(fd.as_raw_fd()), interest }
}

promises! {
    fn a_pipe_can_be_polled_and_its_end_is_an_event(rig) {
        let (reader, mut writer) = std::io::pipe().expect("a pipe can be made");
        for _ in 0..3 {
            let waiting = rig.start(poll(&reader, Interest::READABLE));
            rig.settle();
            assert!(!rig.has_ended(waiting));
            writer.write_all(b"!").expect("the pipe has room");
            assert_ne!(rig.finish(waiting).expect("it is ready") & Interest::READABLE.bits(), 0);
            (&reader).read_exact(&mut [0]).expect("a byte is there");
        }
        let waiting = rig.start(poll(&reader, Interest::READABLE));
        rig.settle();
        drop(writer);
        assert_ne!(rig.finish(waiting).expect("it is ready") & libc::POLLHUP as u32, 0);
    }

    fn a_regular_file_is_always_ready(rig) {
        let file = File::open(std::env::current_exe().expect("this program has a path")).expect("it is there");
        let ready = rig.run(poll(&file, Interest::READABLE)).expect("it is ready");
        assert_ne!(ready & Interest::READABLE.bits(), 0);
    }

    fn a_foreign_descriptor_may_have_many_waiters(rig) {
        let (here, mut there) = std::os::unix::net::UnixStream::pair().expect("a socket pair can be made");
        let readers: Vec<_> = (0..10).map(|_| rig.start(poll(&here, Interest::READABLE))).collect();
        rig.settle();
        assert!(readers.iter().all(|&reader| !rig.has_ended(reader)));
        let both = rig.start(poll(&here, Interest::READABLE | Interest::WRITABLE));
        assert_ne!(rig.finish(both).expect("it is writable") & Interest::WRITABLE.bits(), 0);
        rig.cancel(readers[4]);
        assert_eq!(errno(rig.finish(readers[4])), libc::ECANCELED);
        there.write_all(b"!").expect("the peer is there");
        for (index, reader) in readers.into_iter().enumerate() {
            if index != 4 {
                assert_ne!(rig.finish(reader).expect("it is ready") & Interest::READABLE.bits(), 0);
            }
        }
        rig.assert_idle();
    }

    fn a_foreign_descriptor_is_left_without_a_trace(rig) {
        let (here, mut there) = std::os::unix::net::UnixStream::pair().expect("a socket pair can be made");
        let waiting = rig.start(poll(&here, Interest::READABLE));
        rig.settle();
        rig.cancel(waiting);
        assert_eq!(errno(rig.finish(waiting)), libc::ECANCELED);
        // If it were still watched, this would wake the driver before the time.
        let enters = rig.driver.stats().enters;
        there.write_all(b"!").expect("the peer is there");
        rig.turn(Wait::Until(Instant::now() + Duration::from_millis(20)));
        assert_eq!(rig.driver.stats().enters - enters, 1, "it was still watched");
        // Its owner closes it, and the number goes to another: nothing of the old one is left.
        let number = here.as_raw_fd();
        let twin = here.try_clone().expect("a descriptor is free");
        drop(here);
        there.write_all(b"!").expect("the twin is there");
        let (next, _peer) = std::os::unix::net::UnixStream::pair().expect("a socket pair can be made");
        let waiting = rig.start(poll(&next, Interest::READABLE));
        rig.settle();
        assert!(!rig.has_ended(waiting), "number {number} told of its earlier owner");
        drop(twin);
        rig.cancel(waiting);
        assert_eq!(errno(rig.finish(waiting)), libc::ECANCELED);
    }

    fn a_foreign_stream_can_be_read_and_received_from(rig) {
        let (here, mut there) = std::os::unix::net::UnixStream::pair().expect("a socket pair can be made");
        let mut buffer = [0; 8];
        let recv = rig.start(crate::net::recv(Target::foreign(here.as_raw_fd()), &mut buffer));
        rig.settle();
        there.write_all(b"abc").expect("the peer is there");
        assert_eq!(rig.finish(recv).expect("data has come"), 3);
        let (reader, mut writer): (PipeReader, _) = std::io::pipe().expect("a pipe can be made");
        let fd = Target::foreign(reader.as_raw_fd());
        let read = Op::Read { fd, buffer: buffer.as_mut_ptr(), len: 8, offset: Offset::CURRENT };
        let read = rig.start(read);
        rig.settle();
        assert!(!rig.has_ended(read));
        writer.write_all(b"de").expect("the pipe has room");
        assert_eq!(rig.finish(read).expect("data has come"), 2);
        assert_eq!(&buffer[..3], b"dec");
    }

    fn who_still_waits_for_a_foreign_descriptor_gets_the_next_event(rig) {
        let (here, mut there) = std::os::unix::net::UnixStream::pair().expect("a socket pair can be made");
        let fd = Target::foreign(here.as_raw_fd());
        let mut bytes = [0; 3];
        let waiting: Vec<_> = bytes.chunks_mut(1).map(|byte| rig.start(crate::net::recv(fd, byte))).collect();
        for count in 1..=3 {
            rig.settle();
            there.write_all(b"!").expect("the peer is there");
            rig.settle();
            assert_eq!(waiting.iter().filter(|&&waiting| rig.has_ended(waiting)).count(), count);
        }
        for waiting in waiting {
            assert_eq!(rig.finish(waiting).expect("a byte for each"), 1);
        }
        rig.assert_idle();
    }

    fn a_handle_can_be_polled_and_is_not_drained_by_it(rig) {
        let (here, mut there) = pair();
        for _ in 0..3 {
            let waiting = rig.start(Op::Poll { fd: here.target(), interest: Interest::READABLE });
            rig.settle();
            assert!(!rig.has_ended(waiting));
            there.write_all(b"!").expect("the peer is there");
            assert_ne!(rig.finish(waiting).expect("it is ready") & Interest::READABLE.bits(), 0);
            assert_eq!(rig.run(crate::net::recv(here.target(), &mut [0; 8])).expect("data is there"), 1);
        }
    }

    fn a_poll_for_one_direction_is_not_ended_by_the_other(rig) {
        let (here, mut there) = pair();
        let read = rig.start(Op::Poll { fd: here.target(), interest: Interest::READABLE });
        let write = rig.run(Op::Poll { fd: here.target(), interest: Interest::WRITABLE });
        assert_ne!(write.expect("it is writable") & Interest::WRITABLE.bits(), 0);
        rig.settle();
        assert!(!rig.has_ended(read));
        there.write_all(b"!").expect("the peer is there");
        rig.finish(read).expect("it is ready");
    }
}
