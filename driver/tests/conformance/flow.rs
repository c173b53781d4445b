//! Flow control: more than fits is waited out, and nobody notices.

use std::io::Write;
use std::time::{Duration, Instant};

use fibra_driver::{Handle, Wait};

use crate::net::{pair, recv, send};
use crate::rig::system::CANCELED;
use crate::rig::{Rig, errno};

/// A driver with room for next to nothing.
fn narrow(rig: &Rig) -> Rig {
    Rig::with(rig.kind, |config| {
        config.entries = 64;
        config.completion_entries = 64;
    })
}

promises! {
    fn ten_thousand_operations_fit_through_a_ring_of_64(rig) {
        const COUNT: usize = 10_000;
        let mut rig = narrow(rig);
        let (here, mut there) = pair();
        let mut bytes = vec![0u8; COUNT];
        let recvs: Vec<_> = bytes.chunks_mut(1).map(|byte| rig.start(recv(here.target(), byte))).collect();
        rig.turn(Wait::Not);
        assert_eq!(rig.driver.ops_in_flight(), COUNT);
        let data: Vec<u8> = (0..COUNT).map(|index| index as u8).collect();
        let writer = std::thread::spawn(move || {
            there.write_all(&data).expect("the peer reads");
            (there, data)
        });
        for recv in recvs {
            assert_eq!(rig.finish(recv).expect("a byte for each"), 1);
        }
        let (_there, mut data) = writer.join().expect("the writer ends");
        data.sort_unstable();
        bytes.sort_unstable();
        assert!(bytes == data, "each byte went to one operation");
        rig.assert_idle();
    }

    fn ten_thousand_operations_can_be_cancelled_through_a_ring_of_64(rig) {
        let mut rig = narrow(rig);
        let (here, _there) = pair();
        let mut bytes = vec![0u8; 10_000];
        let recvs: Vec<_> = bytes.chunks_mut(1).map(|byte| rig.start(recv(here.target(), byte))).collect();
        for &recv in &recvs {
            rig.cancel(recv);
        }
        for recv in recvs {
            assert_eq!(errno(rig.finish(recv)), CANCELED);
        }
        rig.assert_idle();
    }

    fn what_does_not_fit_is_submitted_before_anything_is_waited_for(rig) {
        let (here, _there) = pair();
        let mut bytes = [0u8; 63];
        let mut rig = narrow(rig);
        // Fills the queue to the last place: the cancel has to follow by itself, since nothing else ends the wait.
        let recvs: Vec<_> = bytes.chunks_mut(1).map(|byte| rig.start(recv(here.target(), byte))).collect();
        rig.cancel(recvs[0]);
        assert_eq!(errno(rig.finish(recvs[0])), CANCELED);
    }

    fn completions_that_overflow_the_queue_are_not_lost(rig) {
        let mut rig = narrow(rig);
        let pairs: Vec<_> = (0..1000).map(|_| pair()).collect();
        // They end as soon as the kernel has them, and the full submission queue sees to that without a turn.
        let sends: Vec<_> = pairs.iter().map(|(here, _)| rig.start(send(here.target(), b"!"))).collect();
        for send in sends {
            assert_eq!(rig.finish(send).expect("there is room"), 1);
        }
        if rig.is_ring() {
            assert_ne!(rig.driver.stats().overflows, 0, "this was to try an overflow");
        }
        rig.assert_idle();
    }

    fn a_single_completion_after_many_is_delivered_and_waited_for_in_one_go(rig) {
        // Turns that bring many teach a ring to expect many. It must not insist.
        let pairs: Vec<_> = (0..128).map(|_| pair()).collect();
        let mut bytes = [0u8; 128];
        for _ in 0..10 {
            let each = pairs.iter().zip(bytes.chunks_mut(1));
            let recvs: Vec<_> = each.map(|((here, _), byte)| rig.start(recv(here.target(), byte))).collect();
            rig.turn(Wait::Not);
            pairs.iter().for_each(|(_, there)| (&mut &*there).write_all(b"!").expect("the peer is there"));
            rig.turn(Wait::Forever);
            for recv in recvs {
                assert_eq!(rig.finish(recv).expect("data has come"), 1);
            }
        }
        let (here, mut there) = pair();
        let waiting = rig.start(recv(here.target(), &mut bytes[..1]));
        rig.turn(Wait::Not);
        let writer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            there.write_all(b"!").expect("the peer is there");
            there
        });
        let enters = rig.driver.stats().enters;
        rig.turn(Wait::Forever);
        assert_eq!(rig.finish(waiting).expect("data has come"), 1);
        assert!(rig.driver.stats().enters - enters <= 2, "it waited in pieces");
        drop(writer.join().expect("the writer ends"));
    }

    fn a_wait_with_nothing_to_do_makes_no_system_call(rig) {
        rig.turn(Wait::Not);
        let before = rig.driver.stats().enters;
        for _ in 0..100 {
            assert_eq!(rig.turn(Wait::Not), 0);
        }
        assert_eq!(rig.driver.stats().enters, before);
    }

    fn a_turn_that_may_not_wait_still_delivers_what_is_there(rig) {
        let (here, mut there) = pair();
        let mut buffer = [0; 4];
        let recv = rig.start(recv(here.target(), &mut buffer));
        rig.turn(Wait::Not);
        there.write_all(b"!").expect("the peer is there");
        let deadline = Instant::now() + Duration::from_secs(30);
        while !rig.has_ended(recv) {
            assert!(Instant::now() < deadline, "turns without waiting never bring it");
            rig.turn(Wait::Not);
        }
        assert_eq!(rig.finish(recv).expect("data has come"), 1);
    }

    fn each_submission_gets_one_completion(rig) {
        const COUNT: usize = 2_000;
        let (here, there) = pair();
        let there = Handle::new(there.into());
        let mut ended = 0;
        let data = [1u8; 16];
        for _ in 0..COUNT {
            let mut buffer = [0; 16];
            let recv = rig.start(recv(there.target(), &mut buffer));
            let send = rig.start(send(here.target(), &data));
            assert_eq!(rig.finish(send).expect("there is room"), 16);
            assert_eq!(rig.finish(recv).expect("data has come"), 16);
            ended += 2;
        }
        let stats = rig.driver.stats();
        assert_eq!((stats.operations, stats.inline + stats.completions), (ended, ended));
        rig.assert_idle();
    }
}
