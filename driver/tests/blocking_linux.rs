//! Operations on a thread without a driver, as only Linux has them: elsewhere a datagram for a full queue is an error.
#![cfg(target_os = "linux")]

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::{Duration, Instant};

use fibra_driver::{Op, RawAddress, Target};

fn perform(op: Op, deadline: Option<Instant>) -> io::Result<u32> {
    // SAFETY: the test keeps what its operation points to until this returns.
    unsafe { op.perform_blocking(deadline) }
}

/// The socket is writable all the time: that alone says nothing of the receiver's queue.
#[test]
fn a_deadline_ends_the_wait_for_room_in_somebody_elses_queue() {
    let path = std::env::temp_dir().join(format!("fibra-blocking-{}", std::process::id()));
    let receiver = UnixDatagram::bind(&path).expect("a path in the temporary directory");
    let address = RawAddress::from(&receiver.local_addr().expect("it is bound"));
    let sender = UnixDatagram::unbound().expect("there are descriptors");
    sender.set_nonblocking(true).expect("a socket has modes");
    while sender.send_to(b"x", &path).is_ok() {}
    let fd = Target::foreign(sender.as_raw_fd());
    let send = Op::SendTo { fd, buffer: b"x".as_ptr(), len: 1, address: &raw const address };
    assert_eq!(
        perform(send, Some(Instant::now() + Duration::from_millis(20))).expect_err("there is no room").kind(),
        io::ErrorKind::TimedOut
    );
    let reader = thread::spawn(move || {
        thread::sleep(Duration::from_millis(10));
        receiver.recv(&mut [0; 8]).expect("the queue is full");
        receiver
    });
    let deadline = Instant::now() + Duration::from_secs(60);
    assert_eq!(perform(send, Some(deadline)).expect("there is room in time"), 1);
    drop(reader.join().expect("the reader ends"));
    std::fs::remove_file(path).expect("it is there");
}
