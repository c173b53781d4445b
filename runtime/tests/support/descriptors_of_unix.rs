//! The limit is raised.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub fn allow(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised)
        .unwrap_or_else(|error| panic!("this test needs {wanted} descriptors (ulimit -n): {error}"));
}
