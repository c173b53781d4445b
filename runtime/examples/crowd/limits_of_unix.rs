//! How many descriptors a process may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open descriptors as far as it may be raised.
pub fn make_room(descriptors: u64) -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|maximum| maximum < descriptors) {
        return Err(format!("this needs {descriptors} descriptors: `ulimit -Hn` allows fewer"));
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).map_err(|error| format!("the limit can't be raised: {error}"))
}
