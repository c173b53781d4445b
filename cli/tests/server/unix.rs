//! What the server's tests ask of Unix.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Output};
use std::time::Duration;

use super::Server;

/// Makes a test for each backend of functions that take the backend's name.
macro_rules! on_each_backend {
    ($($name:ident)*) => { $(
        mod $name {
            #[test]
            fn io_uring() { super::$name("io_uring") }
            #[test]
            fn epoll() { super::$name("epoll") }
        }
    )* };
}

/// The names of the backends.
pub const BACKENDS: &[&str] = &["io_uring", "epoll"];

/// What is said of a file that is missing.
pub const NO_SUCH_FILE: &str = "No such file or directory";

/// What is said of a directory that should have been a file.
pub const NO_FILE: &str = "Is a directory";

/// Whether a tag can promise that the bytes are the same.
pub const TAGS_BECOME_STRONG: bool = true;

/// A signal says who is meant.
pub fn in_its_own_console(command: &mut Command) -> &mut Command {
    command
}

pub fn ask_to_end(process: &Child) {
    signal(process.id(), "TERM");
}

/// Whether it was ended by being asked to end once more: by the signal, as a shell wants to know.
pub fn is_cut_short(status: ExitStatus) -> bool {
    status.signal() == Some(15)
}

/// Whether who reads from a connection that was reset sees the end of it.
pub fn is_a_reset_an_end() -> bool {
    false
}

fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &process.to_string()]).status().unwrap();
    assert!(status.success());
}

pub fn memory(process: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

pub fn descriptors(process: &Child) -> usize {
    fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count()
}

pub fn curl(arguments: &[&str]) -> Output {
    Command::new("curl").args(arguments).output().unwrap()
}

impl Server {
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Time that the process has computed, as threads and in the kernel.
    pub fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        // Fields 14 and 15 of the whole line, in ticks of 10 ms.
        let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }
}
