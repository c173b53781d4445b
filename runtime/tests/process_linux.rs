//! What the kernel has of children: no zombie and no descriptor stays, and without descriptors their ends are seen all the same.
#![cfg(target_os = "linux")]

#[path = "support/census_of_unix.rs"]
mod census;
#[path = "support/child.rs"]
mod child;
#[path = "support/patience.rs"]
mod patience;

use fibra::{
    process::{Child, Command, Stdio},
    thread,
};
use patience::eventually;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit, test_kill_process};
use std::time::Duration;

fn cat() -> Child {
    Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

/// A zombie is there, too.
fn is_there(pid: u32) -> bool {
    test_kill_process(Pid::from_raw(pid as i32).unwrap()).is_ok()
}

#[fibra::test]
fn a_child_that_was_dropped_leaves_no_zombie() {
    if child::is_emulated() {
        return;
    }
    let mut child = cat();
    let (pid, stdin) = (child.id(), child.stdin.take());
    drop(child);
    thread::sleep(Duration::from_millis(2));
    assert!(is_there(pid));
    drop(stdin);
    eventually("the child is gone", || !is_there(pid));
    let killed = Command::new("sleep").arg("60").kill_on_drop(true).spawn().unwrap().id();
    eventually("the child is gone", || !is_there(killed));
}

/// In a process of its own, whose descriptors are nobody else's.
#[test]
fn nothing_stays_open() {
    if child::is_emulated() {
        return;
    }
    assert!(child::output(&mut child::running("child_counts_descriptors")).status.success());
}

#[test]
#[ignore = "another test runs it in a process of its own"]
fn child_counts_descriptors() {
    fibra::run(|| {
        // A child that was waited for has none, though it is kept.
        let mut child = cat();
        let open = census::descriptors();
        child.wait().unwrap();
        eventually("its pipe is closed, and what told of its end", || census::descriptors() < open);
        let some_children = || {
            for _ in 0..20 {
                assert!(Command::new("echo").arg("~").output().unwrap().stdout.starts_with(b"~"));
                fibra::wait(Command::new("echo").stdout(Stdio::null()).status_async()).unwrap();
                assert!(Command::new("/no/such/program").output().is_err());
                let mut child = cat();
                let waiting = thread::spawn(move || child.wait());
                waiting.cancel();
                drop(waiting.join());
            }
        };
        some_children();
        let before = census::descriptors();
        some_children();
        eventually("all are closed", || census::descriptors() <= before);
    });
}

#[test]
fn without_descriptors_the_end_is_looked_for() {
    if child::is_emulated() {
        return;
    }
    let output = child::output(&mut child::running("child_has_no_descriptors"));
    assert!(output.status.success(), "{output:?}");
}

#[test]
#[ignore = "another test runs it in a process of its own"]
fn child_has_no_descriptors() {
    fibra::run(|| {
        let mut children = [cat(), cat()];
        let pipes = children.each_mut().map(|child| child.stdin.take());
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(0), maximum: limit.maximum }).unwrap();
        let [mut first, mut second] = children;
        let first = thread::spawn(move || first.wait());
        let second = fibra::future::spawn(async move { second.wait_async().await });
        thread::sleep(Duration::from_millis(20));
        assert!(!first.is_finished() && !second.is_finished());
        drop(pipes);
        assert!(first.join().unwrap().unwrap().success());
        assert!(fibra::wait(second).unwrap().unwrap().success());
    });
}

#[test]
fn where_the_kernel_keeps_no_status_the_wait_ends() {
    if child::is_emulated() {
        return;
    }
    let output = child::output(&mut child::running("child_ignores_its_children"));
    assert!(output.status.success(), "{output:?}");
}

#[test]
#[ignore = "another test runs it in a process of its own"]
fn child_ignores_its_children() {
    // SAFETY: ignoring a signal has no handler.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    fibra::run(|| {
        let mut child = cat();
        let error = child.wait().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECHILD));
    });
}
