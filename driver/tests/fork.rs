//! A driver belongs to the process that made it.
//!
//! Windows has no forks.
#![cfg(unix)]

#[path = "conformance/rig.rs"]
#[macro_use]
mod rig;

use std::io::Write;
use std::os::unix::net::UnixStream;

use fibra_driver::{Driver, Handle, Op, Submission, Wait};
use rig::Rig;

/// Runs `child` in a forked process. It must not panic: its verdict is whether it returns `true`.
fn in_child(child: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs only what is written here, and leaves by `_exit`, past the destructors and the other threads'
    // state. The allocator is usable: glibc and musl see to that across a fork.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "a process can be forked");
    if pid == 0 {
        let verdict = child();
        // SAFETY: takes no pointers.
        unsafe { libc::_exit(if verdict { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: the status is valid for the call.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

fn says_so(error: &std::io::Error) -> bool {
    error.to_string().contains("belongs to the parent process")
}

promises! {
    fn an_inherited_driver_fails_and_says_why(rig) {
        let driver = &mut rig.driver;
        assert!(in_child(|| {
            let turned = driver.turn(Wait::Not, &mut Vec::new());
            let op = Op::Timeout { deadline: std::time::Instant::now() };
            // SAFETY: a timeout points to nothing.
            let submitted = unsafe { driver.submit(&op, 0) };
            turned.is_err_and(|error| says_so(&error))
                && matches!(submitted, Submission::Complete(Err(error)) if says_so(&error))
        }));
    }

    fn dropping_inherited_drivers_and_handles_does_not_disturb_the_parent(rig) {
        let (here, mut there) = UnixStream::pair().expect("a socket pair can be made");
        let here = Handle::new(here.into());
        let mut buffer = [0u8; 4];
        let op = Op::Recv { fd: here.target(), buffer: buffer.as_mut_ptr(), len: 4, flags: 0 };
        let recv = rig.start(op);
        rig.settle();
        assert!(in_child(|| {
            // SAFETY: both are forgotten by the child's end, which runs no destructors: each is dropped once here.
            unsafe {
                drop(std::ptr::read(&raw const here));
                drop(std::ptr::read(&raw const rig.driver));
            }
            true
        }));
        there.write_all(b"!").expect("the peer is there");
        assert_eq!(rig.finish(recv).expect("data has come"), 1);
        rig.assert_idle();
    }

    fn a_child_can_make_its_own_driver(rig) {
        let kind = rig.kind;
        assert!(in_child(|| {
            let mut config = fibra_driver::Config::default();
            config.backend = Some(kind);
            config.environment = false;
            Driver::new(&config).is_ok_and(|mut driver| driver.turn(Wait::Not, &mut Vec::new()).is_ok())
        }));
        Rig::new(kind).assert_idle();
    }
}
