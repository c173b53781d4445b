//! A forked child has none of its parent's workers, and is told so instead of waiting for ever.
//!
//! Alone in its file: a child of a process with many threads may do little, so there should be few.
//!
//! Windows has no forks.
#![cfg(unix)]

use fibra::{Runtime, thread};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Whether the panic that `body` ends in names the reason.
fn is_refused(body: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(body)) else { return false };
    payload.downcast_ref::<&str>().is_some_and(|text| text.contains("belongs to the parent process"))
}

/// What the child finds: 0 if all is well, else the number of the check that failed.
fn check_in_child(inherited: Runtime) -> i32 {
    if !is_refused(|| drop(inherited.spawn(async {}))) {
        return 1;
    }
    if !is_refused(|| inherited.run(|| ())) {
        return 2;
    }
    if !is_refused(|| inherited.block_on(fibra::time::sleep(std::time::Duration::from_secs(1)))) {
        return 3;
    }
    // It ends without its workers.
    drop(inherited);
    let own = fibra::Builder::new().workers(1).build().expect("a child may make its own");
    if own.run(|| thread::spawn(|| 7).join().unwrap()) == 7 { 0 } else { 4 }
}

#[test]
fn a_child_is_told_that_a_runtime_is_not_its_own_and_may_make_one() {
    // The children's panics are expected, and their hook would write to the parent's captured output.
    std::panic::set_hook(Box::new(|_| ()));
    let runtime = fibra::Builder::new().workers(1).build().expect("it starts");
    assert_eq!(runtime.run(|| 1), 1);
    // SAFETY: the child does what children of processes with several threads may do with glibc, whose allocator
    // survives a fork, and ends by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let found = check_in_child(runtime);
        // SAFETY: it ends the child at once.
        unsafe { libc::_exit(found) };
    }
    assert!(child > 0);
    let mut status = 0;
    // SAFETY: the call writes one number.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    let _ = std::panic::take_hook();
    assert!(libc::WIFEXITED(status), "the child ended by signal {}", libc::WTERMSIG(status));
    assert_eq!(libc::WEXITSTATUS(status), 0);
    assert_eq!(runtime.run(|| 2), 2, "the parent's goes on");
}
