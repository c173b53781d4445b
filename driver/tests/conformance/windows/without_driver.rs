//! Threads that have no driver.

use std::io::{self, ErrorKind, Write};
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use fibra_driver::{Handle, Interest, Op, RawAddress};

use crate::net::{accept, listen, own, pair, recv, send};
use crate::rig::Rig;
use crate::rig::system;

/// What a thread without a driver does.
pub(super) fn perform(op: Op, deadline: Option<Instant>) -> io::Result<u32> {
    // SAFETY: every test keeps what its operation points to until this returns.
    unsafe { op.perform_blocking(deadline) }
}

pub(super) fn soon() -> Option<Instant> {
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
    let shared = receive_shared(&here, &mut bytes);
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
fn a_shutdown_ends_the_waits_of_threads_without_a_driver() {
    let end_of = |wait: fn(&Handle) -> io::Result<u32>| {
        let (here, _there) = pair();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&here));
            thread::sleep(Duration::from_millis(20));
            here.shutdown(Shutdown::Read).expect("it is connected");
            waiting.join().expect("the thread ends").expect("a shutdown is no error")
        })
    };
    assert_eq!(end_of(|here| perform(recv(here.target(), &mut [0; 8]), None)), 0);
    assert_eq!(end_of(|here| perform(receive_shared(here, &mut Vec::new()), None)), 0);
    let ready = end_of(|here| {
        let fd = here.target();
        perform(Op::Poll { fd, interest: Interest::READABLE }, None)
    });
    assert_ne!(ready & Interest::READABLE.bits(), 0);
}

fn receive_shared(here: &Handle, bytes: &mut Vec<u8>) -> Op {
    Op::RecvShared { fd: here.target(), bytes }
}
