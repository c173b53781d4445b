//! They are counted in a folder, and the limit is raised.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many are open.
#[allow(dead_code, reason = "not every test counts")]
pub fn open() -> usize {
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    std::fs::read_dir(folder).expect("it is mounted").count()
}

#[allow(dead_code, reason = "not every test has many")]
pub fn allow(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised)
        .unwrap_or_else(|error| panic!("this test needs {wanted} descriptors (ulimit -n): {error}"));
}
