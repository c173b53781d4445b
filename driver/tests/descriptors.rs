//! No descriptor is leaked, whatever happens to the operation that made it.
//!
//! The count is the process': these tests run one at a time, in a process of their own.
//!
//! Windows counts its handles in `conformance/windows.rs`.
#![cfg(unix)]

#[path = "conformance/rig.rs"]
#[macro_use]
mod rig;

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fibra_driver::{BackendKind, Driver, Handle, Op, Wait};
use rig::Rig;

/// Runs `scenario` on each backend and checks that as many descriptors are open after it as before.
fn leaks_none(scenario: impl Fn(BackendKind)) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for &kind in BackendKind::ALL {
        let before = count();
        scenario(kind);
        // A thread of the pool that has just reported may still be letting go of what it shares with the driver.
        let deadline = Instant::now() + Duration::from_secs(10);
        while count() != before && Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(count(), before, "on {kind}");
    }
}

fn count() -> usize {
    fs::read_dir("/proc/self/fd").expect("proc is mounted").count()
}

fn accept(listener: &Handle) -> Op {
    Op::Accept { fd: listener.target(), address: ptr::null_mut() }
}

fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).expect("somebody listens")
}

fn own(result: io::Result<u32>) -> OwnedFd {
    // SAFETY: an accept's result is a new descriptor that belongs to whoever receives it.
    unsafe { OwnedFd::from_raw_fd(result.expect("a connection comes") as i32) }
}

#[test]
fn a_driver_closes_what_it_opened() {
    leaks_none(|kind| {
        let mut rig = Rig::new(kind);
        let unparker = rig.driver.unparker();
        rig.turn(Wait::Not);
        drop(rig);
        drop(unparker);
    });
}

#[test]
fn a_driver_that_is_dropped_closes_connections_that_arrive_meanwhile() {
    leaks_none(|kind| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let address = listener.local_addr().expect("it is bound");
        let listener = Handle::new(listener.into());
        let mut rig = Rig::new(kind);
        let waiting: Vec<_> = (0..10).map(|_| rig.start(accept(&listener))).collect();
        rig.turn(Wait::Not);
        assert!(waiting.iter().all(|&waiting| !rig.has_ended(waiting)));
        let mut clients: Vec<_> = (0..20).map(|_| connect(address)).collect();
        // For these the connection is there before the kernel hears of a cancel.
        for _ in 0..5 {
            let started = rig.start(accept(&listener));
            if started.key.is_none() {
                drop(own(rig.finish(started)));
            }
        }
        drop(rig);
        clients.clear();
    });
}

#[test]
fn a_cancelled_accept_leaks_nothing() {
    leaks_none(|kind| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let address = listener.local_addr().expect("it is bound");
        let listener = Handle::new(listener.into());
        let mut rig = Rig::new(kind);
        for round in 0..30 {
            let started = rig.start(accept(&listener));
            rig.turn(Wait::Not);
            let client = (round % 2 == 0).then(|| connect(address));
            rig.cancel(started);
            let result = rig.finish(started);
            if result.is_ok() {
                drop(own(result));
            }
            drop(client);
        }
        rig.assert_idle();
    });
}

#[test]
fn an_open_whose_driver_is_dropped_leaks_nothing() {
    leaks_none(|kind| {
        let mut rig = Rig::new(kind);
        for _ in 0..20 {
            rig.start(Op::Open { path: c"/dev/null".as_ptr(), flags: libc::O_RDONLY, mode: 0 });
        }
        drop::<Driver>(rig.driver);
    });
}
