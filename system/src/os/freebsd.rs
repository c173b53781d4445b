//! FreeBSD: sets of CPUs, and what the kernel tells of processes.

use crate::affinity::CpuSet;
use crate::thread::Activity;
use std::io::{self, ErrorKind};
use std::mem::{MaybeUninit, size_of};
use std::ptr;
use std::time::Duration;

/// The thread that calls, for the calls about CPUs.
const THIS_THREAD: libc::id_t = -1;

/// A set is an array of words; its type in the C library has this many.
const WORDS: usize = size_of::<libc::cpuset_t>() / size_of::<u64>();

pub(crate) fn affinity() -> io::Result<CpuSet> {
    let mut words = vec![0_u64; WORDS];
    // SAFETY: the call writes at most so many bytes to the set, and all of them are ours.
    let result = unsafe {
        let (size, set) = (size_of::<libc::cpuset_t>(), words.as_mut_ptr().cast());
        libc::cpuset_getaffinity(libc::CPU_LEVEL_WHICH, libc::CPU_WHICH_TID, THIS_THREAD, size, set)
    };
    if result == 0 { Ok(CpuSet::from_words(words)) } else { Err(io::Error::last_os_error()) }
}

pub(crate) fn set_affinity(cpus: &CpuSet) -> io::Result<()> {
    let mut words = cpus.words().to_vec();
    if words.get(WORDS..).is_some_and(|beyond| beyond.iter().any(|word| *word != 0)) || cpus.is_empty() {
        return Err(ErrorKind::InvalidInput.into());
    }
    words.resize(WORDS, 0);
    // SAFETY: the call reads so many bytes of the set.
    let result = unsafe {
        let (size, set) = (size_of::<libc::cpuset_t>(), words.as_ptr().cast());
        libc::cpuset_setaffinity(libc::CPU_LEVEL_WHICH, libc::CPU_WHICH_TID, THIS_THREAD, size, set)
    };
    if result == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    // It says "deadlock" where none of the CPUs is allowed.
    if error.raw_os_error() == Some(libc::EDEADLK) { Err(ErrorKind::InvalidInput.into()) } else { Err(error) }
}

pub(crate) fn current_cpu() -> io::Result<usize> {
    // SAFETY: no arguments.
    let cpu = unsafe { libc::sched_getcpu() };
    usize::try_from(cpu).map_err(|_| io::Error::last_os_error())
}

pub(crate) fn thread_id() -> u32 {
    // SAFETY: no arguments, and it can't fail.
    (unsafe { libc::pthread_getthreadid_np() }) as u32
}

pub(crate) fn thread_activity(thread: u32) -> io::Result<Activity> {
    let threads = threads_of_this_process()?;
    let found = threads.iter().find(|info| info.ki_tid as u32 == thread).ok_or(ErrorKind::NotFound)?;
    let run_time = Duration::from_micros(found.ki_runtime);
    Ok(Activity { is_waiting: Some(found.ki_stat != libc::SRUN), run_time })
}

fn threads_of_this_process() -> io::Result<Vec<libc::kinfo_proc>> {
    // SAFETY: no arguments, and it can't fail.
    let process = unsafe { libc::getpid() };
    let name = [libc::CTL_KERN, libc::KERN_PROC, libc::KERN_PROC_PID | libc::KERN_PROC_INC_THREAD, process];
    let mut room = 64;
    loop {
        let mut threads = Vec::<MaybeUninit<libc::kinfo_proc>>::with_capacity(room);
        let mut bytes = room * size_of::<libc::kinfo_proc>();
        // SAFETY: the name has four numbers, and there is room for so many bytes; nothing is set.
        let result = unsafe {
            let memory = threads.as_mut_ptr().cast();
            libc::sysctl(name.as_ptr(), name.len() as u32, memory, &raw mut bytes, ptr::null(), 0)
        };
        if result == 0 {
            let count = bytes / size_of::<libc::kinfo_proc>();
            // SAFETY: the kernel has written that many, which fit.
            return Ok(unsafe {
                threads.set_len(count);
                threads.into_iter().map(|info| info.assume_init()).collect()
            });
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ENOMEM) {
            return Err(error);
        }
        // More threads than that.
        room *= 2;
    }
}
