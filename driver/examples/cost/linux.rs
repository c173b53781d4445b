//! What the driver costs: nanoseconds per operation, beside the bare ring.
//!
//! `cargo run --release -p fibra-driver --example cost`
//!
//! The operation is a poll of a descriptor that is always ready: the least that a ring can be asked to do. Each figure is
//! the best of several runs, so that it says what the code costs and not what else the machine did.

use std::hint::black_box;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use fibra_driver::{BackendKind, Config, Driver, Interest, Op, Submission, Target, Wait};
use io_uring::{IoUring, opcode, types};

const BATCH: usize = 128;
const BATCHES: usize = 2_000;
const RUNS: usize = 7;

pub fn main() -> io::Result<()> {
    // SAFETY: no pointers; the descriptor is new.
    let ready = unsafe { OwnedFd::from_raw_fd(libc::eventfd(1, libc::EFD_CLOEXEC)) };
    let ready = ready.as_raw_fd();
    println!("{:<48} {:>8}", "", "ns/op");
    report("bare ring, 128 polls per enter", bare_ring(ready)?);
    report("driver on io_uring, 128 polls per turn", driver(BackendKind::IoUring, ready)?);
    report("driver on epoll, polls complete at once", driver(BackendKind::Epoll, ready)?);
    report("timeout submitted and withdrawn", timeout()?);
    report("turn with nothing to do (io_uring)", idle(BackendKind::IoUring)?);
    report("turn with nothing to do (epoll)", idle(BackendKind::Epoll)?);
    Ok(())
}

fn report(what: &str, nanoseconds: f64) {
    println!("{what:<48} {nanoseconds:>8.1}");
}

/// The best of several runs of `count` operations, in nanoseconds per operation.
fn best(count: usize, mut run: impl FnMut() -> io::Result<()>) -> io::Result<f64> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let begin = Instant::now();
        run()?;
        best = best.min(begin.elapsed());
    }
    Ok(best.as_nanos() as f64 / count as f64)
}

fn bare_ring(fd: i32) -> io::Result<f64> {
    let mut builder = IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun().setup_coop_taskrun().setup_submit_all();
    let mut ring: IoUring = builder.build(256)?;
    best(BATCH * BATCHES, || {
        for _ in 0..BATCHES {
            for word in 0..BATCH {
                let poll = opcode::PollAdd::new(types::Fd(fd), libc::POLLIN as u32).build();
                // SAFETY: a poll points to nothing.
                unsafe { ring.submission().push(&poll.user_data(word as u64)) }.map_err(io::Error::other)?;
            }
            let mut left = BATCH;
            while left > 0 {
                ring.submit_and_wait(1)?;
                ring.completion().for_each(|entry| {
                    black_box(entry.user_data());
                    left -= 1;
                });
            }
        }
        Ok(())
    })
}

fn new_driver(kind: BackendKind) -> io::Result<Driver> {
    let mut config = Config::default();
    config.backend = Some(kind);
    config.environment = false;
    Driver::new(&config)
}

fn driver(kind: BackendKind, fd: i32) -> io::Result<f64> {
    let mut driver = new_driver(kind)?;
    let mut completions = Vec::new();
    best(BATCH * BATCHES, || {
        for _ in 0..BATCHES {
            let mut left = 0;
            for word in 0..BATCH {
                let op = Op::Poll { fd: Target::foreign(fd), interest: Interest::READABLE };
                // SAFETY: a poll points to nothing, and the descriptor stays open.
                match unsafe { driver.submit(&op, word) } {
                    Submission::Complete(result) => drop(black_box(result?)),
                    Submission::Pending(_) => left += 1,
                }
            }
            while left > 0 {
                driver.turn(Wait::Forever, &mut completions)?;
                left -= black_box(&completions).len();
                completions.clear();
            }
        }
        Ok(())
    })
}

fn timeout() -> io::Result<f64> {
    let mut driver = new_driver(BackendKind::IoUring)?;
    let deadline = Instant::now() + Duration::from_secs(60);
    best(BATCH * BATCHES, || {
        for word in 0..BATCH * BATCHES {
            // SAFETY: a timeout points to nothing.
            if let Submission::Pending(key) = unsafe { driver.submit(&Op::Timeout { deadline }, word) } {
                black_box(driver.withdraw(key));
            }
        }
        Ok(())
    })
}

fn idle(kind: BackendKind) -> io::Result<f64> {
    let mut driver = new_driver(kind)?;
    let mut completions = Vec::new();
    best(BATCH * BATCHES, || (0..BATCH * BATCHES).try_for_each(|_| driver.turn(Wait::Not, &mut completions)))
}
