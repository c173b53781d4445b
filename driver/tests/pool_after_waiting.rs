//! An operation that waits for readiness, and turns out to be for the pool: under epoll, whose registrations outlive the number
//! that they were made for.

#![cfg(target_os = "linux")]

#[path = "support/busy_pool.rs"]
mod busy_pool;
#[path = "conformance/rig.rs"]
#[macro_use]
mod rig;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use busy_pool::with_busy_pool;
use fibra_driver::{BackendKind, Offset, Op, Target};
use rig::errno;

/// Memory as it has to lie where there is no page cache.
#[repr(align(4096))]
struct Block([u8; 4096]);

/// A read that waits for a pipe whose number becomes that of a file meanwhile: only the pool can do it then.
struct Displaced {
    number: io::PipeReader,
    /// Keeps the pipe there, and so its events.
    _pipe: io::PipeReader,
    writer: io::PipeWriter,
    block: Box<Block>,
}

impl Displaced {
    fn new() -> Displaced {
        let (number, writer) = io::pipe().expect("there are descriptors");
        let pipe = number.try_clone().expect("there are descriptors");
        Displaced { number, _pipe: pipe, writer, block: Box::new(Block([0; 4096])) }
    }

    fn read(&mut self) -> Op {
        let fd = Target::foreign(self.number.as_raw_fd());
        Op::Read { fd, buffer: self.block.0.as_mut_ptr(), len: 4096, offset: Offset::CURRENT }
    }

    /// Puts a file of sevens in the place of the pipe, and has the pipe tell whoever waits for the number.
    fn displace(&mut self) {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "displaced-{}-{}",
            std::process::id(),
            self.number.as_raw_fd()
        ));
        std::fs::write(&path, [7; 4096]).expect("there is space");
        let file = File::options().read(true).custom_flags(libc::O_DIRECT).open(&path);
        let file = file.expect("the target directory's disk has direct I/O");
        std::fs::remove_file(&path).expect("it is there");
        // SAFETY: both descriptors are open; the second keeps its owner.
        assert!(unsafe { libc::dup2(file.as_raw_fd(), self.number.as_raw_fd()) } >= 0);
        self.writer.write_all(b"event").expect("the pipe is there");
    }
}

#[test]
fn an_operation_that_waits_for_readiness_moves_to_the_pool_when_only_that_can_do_it() {
    let (mut rig, busy, _pool) = with_busy_pool(BackendKind::Epoll);
    let mut displaced = Displaced::new();
    let read = displaced.read();
    let started = rig.start(read);
    rig.settle();
    assert!(!rig.has_ended(started) && rig.driver.stats().offloaded == 0, "it waits for the pipe");
    displaced.displace();
    rig.settle();
    assert!(!rig.has_ended(started) && rig.driver.stats().offloaded == 1, "it waits for a thread");
    // What the pipe tells now is none of its business any more.
    displaced.writer.write_all(b"another").expect("the pipe is there");
    rig.settle();
    drop(busy);
    assert_eq!(rig.finish(started).expect("the file is there"), 4096);
    assert_eq!((displaced.block.0, rig.driver.stats().offloaded), ([7; 4096], 1));
    rig.assert_idle();
}

#[test]
fn one_that_has_moved_to_the_pool_is_cancelled_there() {
    let (mut rig, busy, pool) = with_busy_pool(BackendKind::Epoll);
    let mut displaced = Displaced::new();
    let read = displaced.read();
    let started = rig.start(read);
    rig.settle();
    displaced.displace();
    rig.settle();
    assert_eq!(rig.driver.stats().offloaded, 1);
    rig.cancel(started);
    assert_eq!(errno(rig.finish(started)), libc::ECANCELED);
    drop(busy);
    assert!(pool.shutdown(Duration::from_secs(30)));
    assert_eq!(displaced.block.0, [0; 4096], "it ran after all");
    rig.assert_idle();
}
