//! Receives that have no memory of their own while they wait.

use std::io::{Read, Write};

use fibra_driver::{Handle, Op};

use crate::net::pair;
use crate::rig::system::{self, CANCELED, Stream};
use crate::rig::{Rig, Started, errno, kernel};

/// A connection, and what is received from it.
struct End {
    here: Handle,
    there: Stream,
    bytes: Vec<u8>,
}

impl End {
    fn new() -> End {
        let (here, there) = pair();
        End { here, there, bytes: Vec::new() }
    }

    fn start(&mut self, rig: &mut Rig) -> Started {
        rig.start(Op::RecvShared { fd: self.here.target(), bytes: &raw mut self.bytes })
    }
}

promises! {
    fn what_comes_is_appended_and_memory_is_taken_only_then(rig) {
        // Before 5.19 a ring has no memory to choose from when the bytes have come.
        let brings_its_own = rig.kind.name() == "io_uring" && kernel() < (5, 19);
        let mut end = End::new();
        for round in 0..300 {
            let receive = end.start(rig);
            if round % 100 == 0 {
                rig.settle();
                assert!(!rig.has_ended(receive));
            }
            assert!(end.bytes.capacity() == 0 || brings_its_own);
            end.there.write_all(b"abc").expect("the peer is there");
            assert_eq!(rig.finish(receive).expect("bytes have come"), 3);
            assert_eq!(end.bytes, b"abc");
            // A ring that didn't get its buffers back would have to give the operation memory of its own in the end.
            let capacity = end.bytes.capacity();
            assert!(capacity < Op::MOST_SHARED || brings_its_own, "round {round}: {capacity}");
            end.bytes = Vec::new();
        }
        end.bytes = b"before ".to_vec();
        end.there.write_all(b"after").expect("the peer is there");
        let receive = end.start(rig);
        assert_eq!(rig.finish(receive).expect("bytes have come"), 5);
        assert_eq!(end.bytes, b"before after");
        rig.assert_idle();
    }

    fn what_is_too_much_for_one_is_left_for_the_next(rig) {
        let mut end = End::new();
        let sent: Vec<u8> = (0..3 * Op::MOST_SHARED).map(|place| (place % 251) as u8).collect();
        end.there.write_all(&sent).expect("there is room");
        end.there.shutdown(std::net::Shutdown::Write).expect("it is connected");
        let mut counts = Vec::new();
        while counts.last() != Some(&0) {
            let receive = end.start(rig);
            counts.push(rig.finish(receive).expect("bytes have come, or the end") as usize);
        }
        assert_eq!(counts, [Op::MOST_SHARED, Op::MOST_SHARED, Op::MOST_SHARED, 0]);
        assert!(end.bytes == sent);
    }

    fn more_at_once_than_there_is_shared_memory_get_what_is_theirs(rig) {
        let mut ends: Vec<End> = (0..400).map(|_| End::new()).collect();
        for round in 0..3u8 {
            let receives: Vec<Started> = ends.iter_mut().map(|end| end.start(rig)).collect();
            rig.settle();
            for (number, end) in ends.iter_mut().enumerate() {
                end.there.write_all(&[round, number as u8, (number >> 8) as u8]).expect("the peer is there");
            }
            for (number, (end, receive)) in ends.iter_mut().zip(receives).enumerate() {
                assert_eq!(rig.finish(receive).expect("bytes have come"), 3);
                assert_eq!(std::mem::take(&mut end.bytes), [round, number as u8, (number >> 8) as u8]);
            }
        }
        rig.assert_idle();
    }

    fn a_cancelled_one_takes_nothing_from_the_connection(rig) {
        let mut end = End::new();
        for _ in 0..200 {
            let receive = end.start(rig);
            rig.settle_once();
            rig.cancel(receive);
            assert_eq!(errno(rig.finish(receive)), CANCELED);
        }
        assert!(end.bytes.is_empty());
        end.there.write_all(b"all of it").expect("the peer is there");
        let mut received = [0; 16];
        let mut stream = Stream::from(end.here.into_fd());
        assert_eq!(stream.read(&mut received).expect("it is there"), 9);
    }

    fn one_that_is_cancelled_too_late_has_its_bytes(rig) {
        let mut end = End::new();
        end.there.write_all(b"here").expect("the peer is there");
        let receive = end.start(rig);
        rig.cancel(receive);
        match rig.finish(receive) {
            Ok(4) => assert_eq!(end.bytes, b"here"),
            result => {
                assert_eq!(errno(result), CANCELED);
                assert!(end.bytes.is_empty());
                let next = end.start(rig);
                assert_eq!(rig.finish(next).expect("it was left"), 4);
            }
        }
    }

    fn a_descriptor_in_non_blocking_mode_is_waited_for(rig) {
        let (here, there) = system::stream_pair();
        here.set_nonblocking(true).expect("it is a socket");
        let mut end = End { here: Handle::new(here.into()), there, bytes: Vec::new() };
        for _ in 0..3 {
            let receive = end.start(rig);
            rig.settle();
            assert!(!rig.has_ended(receive));
            end.there.write_all(b"late").expect("the peer is there");
            assert_eq!(rig.finish(receive).expect("bytes have come"), 4);
        }
        assert_eq!(end.bytes, b"latelatelate");
    }
}
