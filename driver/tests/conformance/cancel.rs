//! Cancels: requests that may come too late, and never end anything by themselves.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use fibra_driver::{Handle, Op};

use crate::net::{accept, pair, recv};
use crate::rig::errno;
use crate::rig::system::CANCELED;

promises! {
    fn a_cancelled_operation_ends_once_with_its_own_completion(rig) {
        let (here, _there) = pair();
        let mut buffer = [0; 8];
        let recv = rig.start(recv(here.target(), &mut buffer));
        rig.settle();
        rig.cancel(recv);
        rig.cancel(recv);
        assert_eq!(errno(rig.finish(recv)), CANCELED);
        assert_eq!(rig.driver.stats().cancels, 1);
        rig.assert_idle();
    }

    fn a_cancel_before_the_kernel_has_the_operation_works_too(rig) {
        let (here, _there) = pair();
        let mut buffer = [0; 8];
        let recv = rig.start(recv(here.target(), &mut buffer));
        rig.cancel(recv);
        assert_eq!(errno(rig.finish(recv)), CANCELED);
        rig.assert_idle();
    }

    fn a_cancel_after_the_end_does_nothing_even_when_the_place_is_reused(rig) {
        let (here, mut there) = pair();
        let mut buffer = [0; 8];
        let first = rig.start(recv(here.target(), &mut buffer));
        there.write_all(b"1").expect("the peer is there");
        assert_eq!(rig.finish(first).expect("data has come"), 1);
        let second = rig.start(recv(here.target(), &mut buffer));
        for _ in 0..3 {
            rig.cancel(first);
            rig.settle();
        }
        assert!(!rig.has_ended(second), "the cancel hit another operation");
        there.write_all(b"2").expect("the peer is there");
        assert_eq!(rig.finish(second).expect("data has come"), 1);
        rig.assert_idle();
    }

    fn a_read_that_completes_while_it_is_cancelled_delivers_its_data(rig) {
        let (here, mut there) = pair();
        let mut delivered = 0u32;
        for round in 0..200u32 {
            let mut buffer = [0; 1];
            let recv = rig.start(recv(here.target(), &mut buffer));
            if round % 2 == 0 {
                rig.turn(fibra_driver::Wait::Not);
            }
            there.write_all(&[round as u8]).expect("the peer is there");
            rig.cancel(recv);
            match rig.finish(recv) {
                Ok(count) => {
                    assert_eq!((count, buffer[0]), (1, round as u8));
                    delivered += 1;
                }
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(CANCELED));
                    // What was not delivered is still there.
                    let again = rig.run(crate::net::recv(here.target(), &mut buffer));
                    assert_eq!((again.expect("data is there"), buffer[0]), (1, round as u8));
                }
            }
        }
        println!("{delivered} of 200 reads were faster than their cancel");
        rig.assert_idle();
    }

    fn a_cancelled_accept_loses_no_connection(rig) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let address = listener.local_addr().expect("it is bound");
        let listener = Handle::new(listener.into());
        for round in 0..50 {
            let first = rig.start(accept(&listener));
            if round % 2 == 0 {
                rig.turn(fibra_driver::Wait::Not);
            }
            let mut client = TcpStream::connect(address).expect("somebody listens");
            rig.cancel(first);
            let accepted = match rig.finish(first) {
                Ok(fd) => fd,
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(CANCELED));
                    rig.run(accept(&listener)).expect("the connection is still there")
                }
            };
            // SAFETY: an accept's result is a new descriptor that belongs to whoever receives it.
            let server = Handle::new(unsafe { fibra_driver::descriptor(accepted) });
            client.write_all(b"!").expect("it is connected");
            assert_eq!(rig.run(recv(server.target(), &mut [0; 1])).expect("data has come"), 1);
        }
        rig.assert_idle();
    }

    fn one_of_several_waiting_operations_can_be_cancelled(rig) {
        let (here, mut there) = pair();
        let mut buffers = [[0; 1]; 5];
        let recvs: Vec<_> = buffers.iter_mut().map(|buffer| rig.start(recv(here.target(), buffer))).collect();
        rig.settle();
        rig.cancel(recvs[2]);
        assert_eq!(errno(rig.finish(recvs[2])), CANCELED);
        there.write_all(b"abcd").expect("the peer is there");
        for index in [0, 1, 3, 4] {
            assert_eq!(rig.finish(recvs[index]).expect("a byte for each"), 1);
        }
        let mut bytes: Vec<_> = [0, 1, 3, 4].iter().map(|&index| buffers[index][0]).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, b"abcd");
    }

    fn a_cancelled_timeout_ends_early_and_its_neighbours_do_not(rig) {
        let soon = Instant::now() + Duration::from_millis(30);
        let later = rig.start(Op::Timeout { deadline: soon + Duration::from_secs(3600) });
        let sooner = rig.start(Op::Timeout { deadline: soon });
        rig.cancel(later);
        assert_eq!(errno(rig.finish(later)), CANCELED);
        assert!(!rig.has_ended(sooner));
        assert_eq!(rig.finish(sooner).expect("the time comes"), 0);
        assert!(Instant::now() >= soon);
    }

    fn all_operations_can_be_cancelled_at_once(rig) {
        let (here, _there) = pair();
        let mut buffers = [[0; 1]; 40];
        let mut all: Vec<_> = buffers.iter_mut().map(|buffer| rig.start(recv(here.target(), buffer))).collect();
        all.push(rig.start(Op::Timeout { deadline: Instant::now() + Duration::from_secs(3600) }));
        rig.settle();
        rig.driver.cancel_all();
        for started in all {
            assert_eq!(errno(rig.finish(started)), CANCELED);
        }
        rig.assert_idle();
    }
}
