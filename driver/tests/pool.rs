//! Operations that the pool runs: cancelled while queued, waited for while running, never lost.
//!
//! It has the pool wait for a FIFO, which Windows does not have.
#![cfg(unix)]

#[path = "support/busy_pool.rs"]
mod busy_pool;
#[path = "conformance/rig.rs"]
#[macro_use]
mod rig;

use std::fs::File;
use std::time::Duration;

use busy_pool::with_busy_pool;
use fibra_driver::{Op, RawStatx};
use rig::{Rig, errno, readiness, system};

fn statx(out: &mut RawStatx) -> Op {
    Op::Statx { fd: None, path: c"/".as_ptr(), flags: 0, mask: system::MASK, out }
}

fn empty() -> RawStatx {
    // SAFETY: plain data, for which all zeros is a value.
    unsafe { std::mem::zeroed() }
}

#[test]
fn a_queued_operation_is_cancelled_at_once_and_its_memory_left_alone() {
    let (mut rig, busy, pool) = with_busy_pool(readiness());
    let mut status = empty();
    let started = rig.start(statx(&mut status));
    rig.cancel(started);
    assert_eq!(errno(rig.finish(started)), libc::ECANCELED);
    drop(busy);
    assert!(pool.shutdown(Duration::from_secs(30)));
    assert_eq!(system::mode(&status), 0, "it ran after all");
    rig.assert_idle();
}

#[test]
fn a_queued_operation_that_is_not_cancelled_runs_when_a_thread_is_free() {
    let (mut rig, busy, _pool) = with_busy_pool(readiness());
    let mut status = empty();
    let started = rig.start(statx(&mut status));
    rig.settle();
    assert!(!rig.has_ended(started));
    drop(busy);
    assert_eq!(rig.finish(started).expect("the root is there"), 0);
    assert_ne!(system::mode(&status), 0);
    rig.assert_idle();
}

#[test]
fn a_running_operation_ends_with_its_result_although_it_was_cancelled() {
    let mut rig = Rig::new(readiness());
    // To open a fifo blocks until somebody writes to it: the thread is inside the call when the cancel comes.
    let fifo = std::env::temp_dir().join(format!("fibra-pool-{}", std::process::id()));
    let path = std::ffi::CString::new(fifo.to_str().expect("an ASCII path")).expect("no NUL in it");
    // SAFETY: the path is NUL-terminated.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let started = rig.start(Op::Open { path: path.as_ptr(), flags: libc::O_RDONLY, mode: 0 });
    let writer = File::options().write(true).open(&fifo).expect("the pool reads");
    rig.cancel(started);
    let fd = rig.finish(started).expect("it was open already");
    // SAFETY: an open's result is a new descriptor that belongs to whoever receives it.
    drop(unsafe { <std::os::fd::OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(fd as i32) });
    drop(writer);
    std::fs::remove_file(&fifo).expect("it is there");
    rig.assert_idle();
}

#[test]
fn a_pool_that_is_shut_down_fails_operations_and_says_so() {
    let mut rig = Rig::with(readiness(), |config| {
        config.offload.shutdown(Duration::ZERO);
    });
    let mut status = empty();
    let error = rig.run(statx(&mut status)).expect_err("nobody runs it");
    assert!(error.to_string().contains("shut down"), "{error}");
    rig.assert_idle();
}
