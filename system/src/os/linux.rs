//! Linux: scheduler calls, resource limits and `/proc`.

mod cgroup;
mod thread;

use crate::affinity::CpuSet;
use crate::topology::CpuQuota;
use std::fs;
use std::io;
use std::path::Path;

pub(crate) use thread::{
    LOCK_CALL, SLEEP_CALLS, system_call, system_call_at, system_call_name, thread_activity, thread_id,
};

/// The thread that calls, for the scheduler's calls.
const THIS_THREAD: libc::pid_t = 0;

pub(crate) fn affinity() -> io::Result<CpuSet> {
    // The kernel refuses a mask that is shorter than its own, with EINVAL; 16 words are glibc's 1,024 CPUs.
    let mut words = vec![0_u64; 16];
    loop {
        let bytes = size_of_val(words.as_slice());
        // SAFETY: `sched_getaffinity` writes at most `bytes` bytes to the mask, and all of them are ours; any bit pattern
        // is a valid `u64`.
        let result = unsafe { libc::sched_getaffinity(THIS_THREAD, bytes, words.as_mut_ptr().cast()) };
        if result == 0 {
            return Ok(CpuSet::from_words(words));
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EINVAL) || words.len() >= 1 << 14 {
            return Err(error);
        }
        words.resize(words.len() * 2, 0);
    }
}

pub(crate) fn set_affinity(cpus: &CpuSet) -> io::Result<()> {
    let words = cpus.words();
    // SAFETY: `sched_setaffinity` reads so many bytes of the mask and keeps no pointer. An empty mask points at nothing
    // and has a length of 0.
    let result = unsafe {
        libc::sched_setaffinity(THIS_THREAD, size_of_val(words), words.as_ptr().cast::<libc::cpu_set_t>())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

pub(crate) fn current_cpu() -> io::Result<usize> {
    // SAFETY: no arguments.
    let cpu = unsafe { libc::sched_getcpu() };
    usize::try_from(cpu).map_err(|_| io::Error::last_os_error())
}

pub(crate) fn numa_nodes() -> io::Result<Vec<CpuSet>> {
    let mut nodes = Vec::new();
    for entry in fs::read_dir("/sys/devices/system/node")? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(number) = name.strip_prefix("node").and_then(|number| number.parse::<usize>().ok()) else {
            continue;
        };
        let text = fs::read_to_string(path.join("cpulist"))?;
        let cpus = cpus_in(text.trim_end()).ok_or(io::ErrorKind::InvalidData)?;
        nodes.push((number, cpus));
    }
    nodes.sort_by_key(|(number, _)| *number);
    // Nodes of memory alone have no CPUs.
    Ok(nodes.into_iter().map(|(_, cpus)| cpus).filter(|cpus| !cpus.is_empty()).collect())
}

/// Reads what `CpuSet` prints.
fn cpus_in(text: &str) -> Option<CpuSet> {
    let ranges = text.split(',').filter(|range| !range.is_empty()).map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse::<usize>().ok()?..=last.parse().ok()?)
    });
    Some(ranges.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
}

pub(crate) fn clock_source() -> Option<String> {
    let name = fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource").ok()?;
    Some(name.trim_end().to_owned())
}

pub(crate) fn prefer_huge_pages(start: *mut u8, length: usize) {
    // What it answers is of no use: a kernel without huge pages refuses.
    // SAFETY: this advice changes nothing in memory, whosever it is.
    unsafe { libc::madvise(start.cast(), length, libc::MADV_HUGEPAGE) };
}

pub(crate) fn fence_all_threads() -> io::Result<()> {
    // Registered each time, which is cheap when it has been: it isn't ours to know whether this process is a fork.
    membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)?;
    membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
}

fn membarrier(command: libc::c_int) -> io::Result<()> {
    const NO_FLAGS: libc::c_uint = 0;
    const NO_CPU: libc::c_int = 0;
    // SAFETY: the call has three numbers as arguments, and touches no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, command, NO_FLAGS, NO_CPU) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

pub(crate) fn cpu_quota() -> Option<CpuQuota> {
    cgroup::cpu_quota(&|path: &Path| fs::read_to_string(path).ok())
}

pub(crate) fn release() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/osrelease")?.trim_end().to_owned())
}

pub(crate) fn max_map_count() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/sys/vm/max_map_count")?;
    text.trim().parse().map_err(|error| {
        io::Error::new(io::ErrorKind::InvalidData, format!("/proc/sys/vm/max_map_count is {text:?}: {error}"))
    })
}

#[cfg(test)]
mod tests;
