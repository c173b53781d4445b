//! Operations through a driver alone: submitted, handed to the kernel, completed. The kernel's instructions don't count.

use super::Operation;
use crate::{clock, region::counted};
use fibra_driver::{BackendKind, Completion, Config, Driver, Handle, Interest, Op, Submission, Target, Wait};
use std::{
    hint::black_box,
    io::Write,
    os::{fd::AsRawFd, unix::net::UnixStream},
    time::{Duration, Instant},
};

pub const ALL: &[Operation] = &[
    Operation {
        name: "timeout-withdraw",
        about: "a timeout submitted to a driver and withdrawn",
        run: timeouts,
    },
    Operation {
        name: "io_uring-poll-128",
        about: "a poll of a ready socket, 128 a turn",
        run: || polls(BackendKind::IoUring, 128),
    },
    Operation {
        name: "io_uring-poll-1",
        about: "a poll of a ready socket, and its turn",
        run: || polls(BackendKind::IoUring, 1),
    },
    Operation {
        name: "io_uring-recv",
        about: "a receive that waits for its byte, the write of it, and two turns",
        run: || receives(BackendKind::IoUring),
    },
    Operation {
        name: "io_uring-idle-turn",
        about: "a turn with nothing to do",
        run: || idle_turns(BackendKind::IoUring),
    },
    Operation {
        name: "epoll-poll",
        about: "a poll of a ready socket, complete at once",
        run: || polls(BackendKind::Epoll, 128),
    },
    Operation {
        name: "epoll-recv",
        about: "a receive that waits for its byte, the write of it, and two turns",
        run: || receives(BackendKind::Epoll),
    },
    Operation {
        name: "epoll-idle-turn",
        about: "a turn with nothing to do",
        run: || idle_turns(BackendKind::Epoll),
    },
];

const OPERATIONS: usize = 128 * 100;

fn driver_on(backend: BackendKind) -> Driver {
    let mut config = Config::default();
    config.backend = Some(backend);
    config.environment = false;
    Driver::new(&config).unwrap_or_else(|error| panic!("no driver on {backend}: {error}"))
}

/// What the kernel gives a ring, which decides how often a driver has to ask it.
pub fn ring() -> String {
    driver_on(BackendKind::IoUring).choice().to_string()
}

fn timeouts() -> usize {
    let mut driver = driver_on(BackendKind::IoUring);
    let _stopped = clock::stop();
    let deadline = Instant::now() + Duration::from_secs(60);
    counted(OPERATIONS, OPERATIONS, |operations| {
        for word in 0..operations {
            // SAFETY: a timeout points to nothing.
            match unsafe { driver.submit(&Op::Timeout { deadline }, word) } {
                Submission::Pending(key) => assert!(driver.withdraw(key), "it has not expired"),
                Submission::Complete(_) => unreachable!("its deadline has not come"),
            }
        }
    })
}

/// Polls of a descriptor that is ready: the least that a kernel can be asked to do.
fn polls(backend: BackendKind, batch: usize) -> usize {
    let mut driver = driver_on(backend);
    let _stopped = clock::stop();
    let (mut here, there) = UnixStream::pair().expect("there are descriptors");
    here.write_all(b"!").expect("the socket has room");
    let poll = Op::Poll { fd: Target::foreign(there.as_raw_fd()), interest: Interest::READABLE };
    let mut completions = Vec::new();
    counted(OPERATIONS, OPERATIONS, |operations| {
        for _ in 0..operations / batch {
            let mut pending = 0;
            for word in 0..batch {
                // SAFETY: a poll points to nothing, and its descriptor stays open.
                match unsafe { driver.submit(&poll, word) } {
                    Submission::Pending(_) => pending += 1,
                    Submission::Complete(result) => assert!(result.is_ok(), "the socket is readable"),
                }
            }
            while pending > 0 {
                pending -= turn(&mut driver, &mut completions);
            }
        }
    })
}

/// A byte that comes when the operation already waits for it: the write of that byte is counted too.
fn receives(backend: BackendKind) -> usize {
    let mut driver = driver_on(backend);
    let _stopped = clock::stop();
    let (mut here, there) = UnixStream::pair().expect("there are descriptors");
    let there = Handle::new(there.into());
    let mut byte = 0u8;
    let receive = Op::Recv { fd: there.target(), buffer: &raw mut byte, len: 1, flags: 0 };
    let mut completions = Vec::new();
    counted(OPERATIONS, OPERATIONS, |operations| {
        for word in 0..operations {
            // SAFETY: byte and handle are left alone until the completion below.
            let submission = unsafe { driver.submit(&receive, word) };
            assert!(matches!(submission, Submission::Pending(_)), "no byte is there");
            assert_eq!(turn(&mut driver, &mut completions), 0, "no byte is there");
            here.write_all(b"!").expect("the socket has room");
            while turn(&mut driver, &mut completions) == 0 {}
        }
    })
}

fn idle_turns(backend: BackendKind) -> usize {
    let mut driver = driver_on(backend);
    let _stopped = clock::stop();
    let mut completions = Vec::new();
    counted(OPERATIONS, OPERATIONS, |turns| {
        for _ in 0..turns {
            turn(&mut driver, &mut completions);
        }
    })
}

/// Turns the driver without waiting, and returns how many operations that has completed.
fn turn(driver: &mut Driver, completions: &mut Vec<Completion>) -> usize {
    driver.turn(Wait::Not, completions).expect("the kernel works with us");
    let done = black_box(&*completions).iter().filter(|completion| completion.result.is_ok()).count();
    assert_eq!(done, completions.len(), "no operation fails");
    completions.clear();
    done
}
