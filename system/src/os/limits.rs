//! What Unix lets a process have.

use crate::kernel::Limit;
use std::io;
use std::mem::MaybeUninit;

pub(crate) fn limit_open_files() -> io::Result<Limit> {
    limit(|limit| {
        // SAFETY: `getrlimit` writes one `rlimit` to where it is told, which is ours.
        unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, limit) }
    })
}

pub(crate) fn limit_locked_memory() -> io::Result<Limit> {
    limit(|limit| {
        // SAFETY: as in `limit_open_files`.
        unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, limit) }
    })
}

/// Calls `getrlimit`. The resource is the caller's, since its type differs between C libraries.
fn limit(get: impl FnOnce(*mut libc::rlimit) -> libc::c_int) -> io::Result<Limit> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    if get(limit.as_mut_ptr()) != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a `getrlimit` that succeeds has written it.
    Ok(limit_of(unsafe { limit.assume_init() }))
}

#[allow(clippy::unnecessary_cast, reason = "the number is signed on some systems")]
fn limit_of(limit: libc::rlimit) -> Limit {
    let finite = |value: libc::rlim_t| (value != libc::RLIM_INFINITY).then_some(value as u64);
    Limit { soft: finite(limit.rlim_cur), hard: finite(limit.rlim_max) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_infinite_limit_is_none() {
        let limit = limit_of(libc::rlimit { rlim_cur: 1_024, rlim_max: libc::RLIM_INFINITY });
        assert_eq!(limit, Limit { soft: Some(1_024), hard: None });
    }
}
