//! Where io_uring is forbidden, epoll does its work, and the report says why.
//!
//! Elsewhere there is nothing to fall back to.
#![cfg(unix)]
#![cfg(target_os = "linux")]

use std::io;
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

#[path = "support/seccomp.rs"]
mod seccomp;

use seccomp::Refusal;

use fibra_driver::{BackendKind, BackendUnavailable, Config, Driver, Op, Submission, Target, Wait};

/// Runs `test` on a thread for which the system call `number` fails with `errno`.
fn forbidding(number: libc::c_long, errno: i32, test: impl FnOnce() + Send + 'static) {
    Refusal::of(number, errno).during(test);
}

fn config(backend: Option<BackendKind>) -> Config {
    let mut config = Config::default();
    config.environment = false;
    config.backend = backend;
    config
}

fn works(driver: &mut Driver) {
    let deadline = Instant::now();
    // SAFETY: a timeout points to nothing.
    assert!(matches!(unsafe { driver.submit(&Op::Timeout { deadline }, 3) }, Submission::Pending(_)));
    let mut completions = Vec::new();
    driver.turn(Wait::Forever, &mut completions).expect("it turns");
    assert_eq!(completions[0].word, 3);
}

#[test]
fn without_a_filter_the_ring_is_chosen() {
    let driver = Driver::new(&config(None)).expect("a backend works");
    assert_eq!(driver.choice().backend(), BackendKind::IoUring);
    assert!(driver.choice().rejected().is_empty() && !driver.choice().is_forced());
    assert!(driver.choice().features().contains(&"nodrop"));
}

#[test]
fn a_forbidden_ring_falls_back_to_epoll_with_the_reason() {
    for errno in [libc::EPERM, libc::ENOSYS] {
        forbidding(libc::SYS_io_uring_setup, errno, move || {
            let mut driver = Driver::new(&config(None)).expect("epoll works");
            assert_eq!(driver.choice().backend(), BackendKind::Epoll);
            let rejected = driver.choice().rejected();
            assert_eq!(rejected.len(), 1);
            assert_eq!(rejected[0].backend(), BackendKind::IoUring);
            let reason = rejected[0].reason();
            assert!(reason.contains("io_uring_setup") && reason.contains("seccomp"), "{reason}");
            works(&mut driver);
        });
    }
}

#[test]
fn a_ring_that_can_be_made_but_not_entered_falls_back_too() {
    forbidding(libc::SYS_io_uring_enter, libc::EPERM, || {
        let mut driver = Driver::new(&config(None)).expect("epoll works");
        assert_eq!(driver.choice().backend(), BackendKind::Epoll);
        let reason = driver.choice().rejected()[0].reason().to_owned();
        assert!(reason.contains("first operation"), "{reason}");
        works(&mut driver);
    });
}

#[test]
fn a_forced_ring_that_is_forbidden_is_an_error_that_says_why() {
    forbidding(libc::SYS_io_uring_setup, libc::EPERM, || {
        let error = Driver::new(&config(Some(BackendKind::IoUring))).expect_err("it is forbidden");
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        let text = error.to_string();
        assert!(text.contains("forced") && text.contains("io_uring_setup"), "{text}");
        let named = error.get_ref().and_then(|error| error.downcast_ref::<BackendUnavailable>());
        assert_eq!(named.expect("a named error").rejected().len(), 1);
    });
}

#[test]
fn without_a_precise_wait_epoll_is_still_never_early_and_not_a_millisecond_late() {
    forbidding(libc::SYS_epoll_pwait2, libc::ENOSYS, || {
        let mut driver = Driver::new(&config(Some(BackendKind::Epoll))).expect("epoll works");
        assert!(driver.choice().features().is_empty());
        let waits = (0..100).map(|_| {
            let begin = Instant::now();
            let until = begin + Duration::from_micros(200);
            driver.turn(Wait::Until(until), &mut Vec::new()).expect("it turns");
            assert!(Instant::now() >= until);
            begin.elapsed()
        });
        println!("a wait of 200 µs takes {:?} at best", waits.min());
        works(&mut driver);
    });
}

/// A driver on a ring that cannot be entered any more, with a receive in flight whose buffer is leaked: nothing can take
/// it back from the kernel.
fn cut_off(errno: i32) -> (Driver, UnixStream) {
    let mut config = config(Some(BackendKind::IoUring));
    config.drain_timeout = Duration::from_millis(20);
    let mut driver = Driver::new(&config).expect("a ring works");
    let (here, there) = UnixStream::pair().expect("a socket pair can be made");
    let buffer = Box::leak(Box::new([0u8; 8]));
    let fd = Target::foreign(here.into_raw_fd());
    let op = Op::Recv { fd, buffer: buffer.as_mut_ptr(), len: 8, flags: 0 };
    // SAFETY: the buffer is leaked, and so is the socket.
    assert!(matches!(unsafe { driver.submit(&op, 0) }, Submission::Pending(_)));
    driver.turn(Wait::Not, &mut Vec::new()).expect("it turns");
    Refusal::of(libc::SYS_io_uring_enter, errno).begin();
    (driver, there)
}

#[test]
fn what_the_kernel_refuses_for_the_moment_is_waited_out() {
    for errno in [libc::EAGAIN, libc::EBUSY, libc::EINTR, libc::ENOMEM, libc::ETIME] {
        forbidding(libc::SYS_epoll_create1, libc::EPERM, move || {
            let (mut driver, _there) = cut_off(errno);
            let deadline = Instant::now() + Duration::from_millis(10);
            let mut completions = Vec::new();
            driver.turn(Wait::Until(deadline), &mut completions).expect("a refusal for now is no error");
            assert!(completions.is_empty() && Instant::now() >= deadline);
            assert_eq!(driver.ops_in_flight(), 1);
        });
    }
}

#[test]
fn a_ring_that_is_taken_away_is_an_error_and_dropping_it_does_not_hang() {
    forbidding(libc::SYS_epoll_create1, libc::EPERM, || {
        let (mut driver, _there) = cut_off(libc::EACCES);
        let error = driver.turn(Wait::Forever, &mut Vec::new()).expect_err("nothing can be done");
        assert_eq!(error.raw_os_error(), Some(libc::EACCES));
        drop(driver);
    });
}

#[test]
fn with_nothing_allowed_the_error_names_every_backend() {
    forbidding(libc::SYS_io_uring_setup, libc::ENOSYS, || {
        Refusal::of(libc::SYS_epoll_create1, libc::EMFILE).begin();
        let error = Driver::new(&config(None)).expect_err("nothing is allowed").to_string();
        assert!(error.contains("io_uring: ") && error.contains("epoll: epoll_create1"), "{error}");
    });
}
