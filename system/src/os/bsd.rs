//! What macOS and FreeBSD have in common, and what both lack.

use crate::affinity::CpuSet;
use crate::topology::CpuQuota;
use std::ffi::CStr;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;

/// Nothing like a container's quota: a process may keep all its CPUs busy.
pub(crate) fn cpu_quota() -> Option<CpuQuota> {
    None
}

/// All memory is as near to each CPU, as far as anybody tells.
pub(crate) fn numa_nodes() -> io::Result<Vec<CpuSet>> {
    Err(ErrorKind::Unsupported.into())
}

/// Nobody asks: only Linux's clock is known to be bounded by what it counts.
pub(crate) fn clock_source() -> Option<String> {
    None
}

/// FreeBSD does that by itself, where it can, and macOS never.
pub(crate) fn prefer_huge_pages(_start: *mut u8, _length: usize) {}

/// There is no such call.
pub(crate) fn fence_all_threads() -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// Nobody tells where a thread waits.
pub(crate) fn system_call(_thread: u32) -> io::Result<Option<i64>> {
    Err(ErrorKind::Unsupported.into())
}

/// Nor does its place.
pub(crate) fn system_call_at(_program_counter: usize) -> Option<i64> {
    None
}

/// No call is ever told of, so none needs a name.
pub(crate) fn system_call_name(_number: i64) -> Option<&'static str> {
    None
}

/// No call has this name.
pub(crate) const LOCK_CALL: &str = "";

pub(crate) const SLEEP_CALLS: &[&str] = &[];

pub(crate) fn release() -> io::Result<String> {
    let mut name = MaybeUninit::<libc::utsname>::uninit();
    // SAFETY: the call writes one `utsname`, or fails.
    if unsafe { libc::uname(name.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it has succeeded, and ends each of its texts with a NUL byte.
    let release = unsafe { CStr::from_ptr((*name.as_ptr()).release.as_ptr()) };
    Ok(release.to_string_lossy().into_owned())
}

/// A process may have any number of mappings.
pub(crate) fn max_map_count() -> io::Result<u64> {
    Err(ErrorKind::Unsupported.into())
}
