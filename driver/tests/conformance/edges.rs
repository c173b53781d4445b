//! What a TCP connection brings is never missed, however the receives before it went.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::thread;
use std::time::Duration;

use fibra_driver::{Handle, Interest, Op, Target};

use crate::net::{recv, send};
use crate::rig::{Rig, errno};

/// A connection; what this end is sent arrives when the call that sends it returns.
pub fn connection() -> (Handle, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let there = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("somebody listens");
    there.set_nodelay(true).expect("it is TCP");
    let (here, _) = listener.accept().expect("somebody has connected");
    (Handle::new(here.into()), there)
}

/// A connection that the driver watches, emptied by a short receive.
pub fn emptied(rig: &mut Rig) -> (Handle, TcpStream) {
    let (here, mut there) = connection();
    let mut buffer = [0; 8];
    let waiting = rig.start(recv(here.target(), &mut buffer));
    rig.settle();
    there.write_all(b"abc").expect("it is connected");
    assert_eq!(rig.finish(waiting).expect("data has come"), 3);
    (here, there)
}

/// The same connection under another number.
pub fn duplicate(here: &Handle) -> TcpStream {
    TcpStream::from(here.as_fd().try_clone_to_owned().expect("a descriptor is free"))
}

pub fn poll(fd: Target, interest: Interest) -> Op {
    Op::Poll { fd, interest }
}

fn send_urgent(stream: &TcpStream) {
    // SAFETY: the byte is valid for the call.
    let sent = unsafe { libc::send(stream.as_raw_fd(), b"!".as_ptr().cast(), 1, libc::MSG_OOB) };
    assert_eq!(sent, 1);
}

promises! {
    fn messages_of_any_size_arrive_in_rooms_of_any_size(rig) {
        let (here, mut there) = connection();
        let mut buffer = [0; 16];
        for round in 0..400 {
            let message: Vec<u8> = (0..1 + round % 13).map(|index| (round * 31 + index) as u8).collect();
            let room = 1 + round % 16;
            let early = round % 3 == 0;
            if early {
                there.write_all(&message).expect("it is connected");
            }
            let mut received = Vec::new();
            while received.len() < message.len() {
                let waiting = rig.start(recv(here.target(), &mut buffer[..room]));
                if !early && received.is_empty() {
                    there.write_all(&message).expect("it is connected");
                }
                let count = rig.finish(waiting).expect("data has come") as usize;
                received.extend_from_slice(&buffer[..count]);
            }
            assert_eq!(received, message, "round {round}");
        }
        rig.assert_idle();
    }

    fn an_end_that_comes_with_the_last_bytes_is_seen_after_them(rig) {
        for wait_first in [true, false] {
            let (here, mut there) = emptied(rig);
            let mut buffer = [0; 8];
            let waiting = wait_first.then(|| rig.start(recv(here.target(), &mut buffer)));
            there.write_all(b"defg").expect("it is connected");
            there.shutdown(Shutdown::Write).expect("it is connected");
            thread::sleep(Duration::from_millis(1));
            let waiting = waiting.unwrap_or_else(|| rig.start(recv(here.target(), &mut buffer)));
            assert_eq!(rig.finish(waiting).expect("data has come"), 4);
            for _ in 0..2 {
                assert_eq!(rig.run(recv(here.target(), &mut buffer)).expect("it has ended"), 0);
            }
        }
    }

    fn an_end_or_a_reset_after_a_short_receive_ends_the_next_one(rig) {
        let (here, there) = emptied(rig);
        let mut buffer = [0; 8];
        let waiting = rig.start(recv(here.target(), &mut buffer));
        rig.settle();
        there.shutdown(Shutdown::Write).expect("it is connected");
        assert_eq!(rig.finish(waiting).expect("it has ended"), 0);

        let (here, there) = emptied(rig);
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: the value is valid for its size.
        unsafe {
            let size = size_of_val(&linger) as u32;
            libc::setsockopt(there.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), size);
        }
        drop(there);
        assert_eq!(errno(rig.run(recv(here.target(), &mut buffer))), libc::ECONNRESET);
    }

    fn our_own_shutdown_ends_a_receive_that_is_known_to_find_nothing(rig) {
        for wait_first in [true, false] {
            let (here, _there) = emptied(rig);
            let mut buffer = [0; 8];
            let waiting = wait_first.then(|| rig.start(recv(here.target(), &mut buffer)));
            rig.run(Op::Shutdown { fd: here.target(), how: Shutdown::Read }).expect("it is connected");
            let waiting = waiting.unwrap_or_else(|| rig.start(recv(here.target(), &mut buffer)));
            assert_eq!(rig.finish(waiting).expect("it has ended"), 0);
        }
    }

    fn what_lies_behind_urgent_data_is_received(rig) {
        let (here, mut there) = emptied(rig);
        let mut buffer = [0; 16];
        let waiting = rig.start(recv(here.target(), &mut buffer));
        there.write_all(b"before").expect("it is connected");
        send_urgent(&there);
        there.write_all(b"behind").expect("it is connected");
        thread::sleep(Duration::from_millis(1));
        // It stops at the urgent byte, which itself is not in line.
        let mut received = rig.finish(waiting).expect("data has come");
        while received < 12 {
            received += rig.run(recv(here.target(), &mut buffer)).expect("data is there");
        }
        assert_eq!(received, 12);
    }

    fn of_two_receives_the_second_waits_for_the_second_message(rig) {
        let (here, mut there) = emptied(rig);
        let (mut first, mut second) = ([0; 8], [0; 8]);
        let waiting = [&mut first, &mut second].map(|buffer| rig.start(recv(here.target(), buffer)));
        rig.settle();
        there.write_all(b"one").expect("it is connected");
        rig.settle();
        let (done, left) = if rig.has_ended(waiting[0]) { (0, 1) } else { (1, 0) };
        assert_eq!(rig.finish(waiting[done]).expect("data has come"), 3);
        assert!(!rig.has_ended(waiting[left]));
        there.write_all(b"more").expect("it is connected");
        assert_eq!(rig.finish(waiting[left]).expect("data has come"), 4);
        rig.assert_idle();
    }

    fn a_cancelled_receive_takes_nothing_from_the_next(rig) {
        for _ in 0..10 {
            let (here, mut there) = emptied(rig);
            let mut buffer = [0; 8];
            let waiting = rig.start(recv(here.target(), &mut buffer));
            rig.settle();
            there.write_all(b"de").expect("it is connected");
            rig.cancel(waiting);
            match rig.finish(waiting) {
                Ok(count) => assert_eq!(count, 2),
                Err(_) => assert_eq!(rig.run(recv(here.target(), &mut buffer)).expect("data is there"), 2),
            }
            there.write_all(b"f").expect("it is connected");
            assert_eq!(rig.run(recv(here.target(), &mut buffer)).expect("data has come"), 1);
        }
    }

    fn a_number_that_was_emptied_says_nothing_of_its_next_owner(rig) {
        let mut buffer = [0; 8];
        let mut before = -1;
        let mut reused = 0;
        for _ in 0..20 {
            let (here, there) = emptied(rig);
            reused += u32::from(here.as_raw_fd() == before);
            before = here.as_raw_fd();
            drop((here, there));
            let (here, mut there) = connection();
            there.write_all(b"hello").expect("it is connected");
            assert_eq!(rig.run(recv(here.target(), &mut buffer)).expect("data is there"), 5);
        }
        println!("{reused} of 20 numbers were reused");
    }

    fn a_poll_tells_of_what_is_left_again_and_again(rig) {
        let (here, mut there) = emptied(rig);
        let readable = poll(here.target(), Interest::READABLE);
        let waiting = rig.start(readable);
        rig.settle();
        assert!(!rig.has_ended(waiting));
        there.write_all(b"abcdef").expect("it is connected");
        assert_eq!(rig.finish(waiting).expect("data has come"), Interest::READABLE.bits());
        let mut buffer = [0; 4];
        for count in [4, 2] {
            for _ in 0..2 {
                rig.settle();
                assert_eq!(rig.run(readable).expect("data is there"), Interest::READABLE.bits());
            }
            assert_eq!(rig.run(recv(here.target(), &mut buffer)).expect("data is there"), count);
        }
        let waiting = rig.start(readable);
        rig.settle();
        assert!(!rig.has_ended(waiting));
        there.write_all(b"g").expect("it is connected");
        rig.finish(waiting).expect("data has come");
    }

    fn a_poll_for_either_direction_ends_by_the_one_that_is_ready(rig) {
        let (here, mut there) = emptied(rig);
        let both = Interest::READABLE | Interest::WRITABLE;
        assert_eq!(rig.run(poll(here.target(), both)).expect("there is room"), Interest::WRITABLE.bits());
        there.write_all(b"a").expect("it is connected");
        let waiting = rig.start(poll(here.target(), Interest::READABLE));
        assert_eq!(rig.finish(waiting).expect("data has come"), Interest::READABLE.bits());
        assert_eq!(rig.run(poll(here.target(), both)).expect("it is ready"), both.bits());
    }

    fn who_receives_by_itself_and_says_so_misses_nothing(rig) {
        let (here, mut there) = emptied(rig);
        let mut stream = duplicate(&here);
        let mut buffer = [0; 8];
        for round in 0..50 {
            let waiting = rig.start(poll(here.target(), Interest::READABLE));
            if round % 2 == 0 {
                rig.settle();
            }
            there.write_all(b"xy").expect("it is connected");
            rig.finish(waiting).expect("data has come");
            assert_eq!(stream.read(&mut buffer).expect("data is there"), 2);
            if round % 3 == 0 {
                there.write_all(b"z").expect("it is connected");
                rig.settle();
                assert_eq!(stream.read(&mut buffer).expect("data is there"), 1);
            }
            rig.driver.note_emptied(&here);
        }
        there.write_all(b"last").expect("it is connected");
        assert_eq!(rig.run(recv(here.target(), &mut buffer)).expect("data has come"), 4);
    }

    fn sends_go_on_when_there_is_room_again(rig) {
        let (here, mut there) = emptied(rig);
        let block = vec![7u8; 1 << 18];
        let mut sent = 0u64;
        let stuck = loop {
            let send = rig.start(send(here.target(), &block));
            rig.settle();
            if !rig.has_ended(send) {
                break send;
            }
            sent += u64::from(rig.finish(send).expect("there was room"));
        };
        // Known to find no room, it waits like the one before.
        let next = rig.start(send(here.target(), &block));
        rig.settle();
        assert!(!rig.has_ended(next));
        assert_eq!(rig.run(send(here.target(), &[])).expect("that takes no room"), 0);
        let reader = thread::spawn(move || std::io::copy(&mut there, &mut std::io::sink()).expect("it is connected"));
        sent += u64::from(rig.finish(stuck).expect("there is room again"));
        sent += u64::from(rig.finish(next).expect("there is room again"));
        rig.run(Op::Shutdown { fd: here.target(), how: Shutdown::Write }).expect("it is connected");
        assert_eq!(reader.join().expect("no panic"), sent);
    }

    fn a_handle_is_watched_for_good_though_a_foreign_name_came_first(rig) {
        let (here, mut there) = connection();
        let mut buffer = [0; 8];
        let foreign = rig.start(poll(Target::foreign(here.as_raw_fd()), Interest::READABLE));
        rig.settle();
        for _ in 0..5 {
            let waiting = rig.start(recv(here.target(), &mut buffer));
            rig.settle();
            there.write_all(b"abc").expect("it is connected");
            assert_eq!(rig.finish(waiting).expect("data has come"), 3);
        }
        rig.cancel(foreign);
        let _ = rig.finish(foreign);
        rig.assert_idle();
    }
}
