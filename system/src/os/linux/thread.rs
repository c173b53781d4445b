//! What `/proc` and a thread's clock tell of it.

use crate::thread::Activity;
use std::fs;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::time::Duration;

pub(crate) fn thread_id() -> u32 {
    // SAFETY: no arguments, and it can't fail.
    (unsafe { libc::syscall(libc::SYS_gettid) }) as u32
}

pub(crate) fn thread_activity(thread: u32) -> io::Result<Activity> {
    let text = fs::read_to_string(format!("/proc/self/task/{thread}/stat"))?;
    let state = state(&text).ok_or(ErrorKind::InvalidData)?;
    Ok(Activity { is_waiting: Some(state != 'R'), run_time: run_time(thread)? })
}

/// The letter behind the name, which may itself contain anything, brackets too.
fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(") ")?.1.chars().next()
}

fn run_time(thread: u32) -> io::Result<Duration> {
    /// How the kernel numbers the clocks of threads: the complement of the thread's number, and below it three bits that say
    /// "of one thread" and "as the scheduler counts".
    const OF_THREAD: libc::clockid_t = 4 | 2;
    let clock = (!(thread as libc::clockid_t) << 3) | OF_THREAD;
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the call writes one `timespec`, or fails.
    if unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it has succeeded.
    let time = unsafe { time.assume_init() };
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
    Ok(seconds + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0)))
}

pub(crate) fn system_call(thread: u32) -> io::Result<Option<i64>> {
    let text = fs::read_to_string(format!("/proc/self/task/{thread}/syscall"))?;
    // "running", or the number and the arguments; -1: it waits for something else, a page for example.
    Ok(text
        .split_whitespace()
        .next()
        .and_then(|first| first.parse().ok())
        .filter(|&number: &i64| number >= 0))
}

/// The kernel tells itself.
pub(crate) fn system_call_at(_program_counter: usize) -> Option<i64> {
    None
}

pub(crate) fn system_call_name(number: i64) -> Option<&'static str> {
    SYSTEM_CALLS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

pub(crate) const LOCK_CALL: &str = "futex";

pub(crate) const SLEEP_CALLS: &[&str] = &["nanosleep", "clock_nanosleep"];

macro_rules! names {
    ($($(#[$attribute:meta])* $name:ident = $number:ident),* $(,)?) => {
        &[$($(#[$attribute])* (libc::$number, stringify!($name))),*]
    };
}

const SYSTEM_CALLS: &[(i64, &str)] = names![
    accept = SYS_accept,
    accept4 = SYS_accept4,
    clock_nanosleep = SYS_clock_nanosleep,
    close = SYS_close,
    connect = SYS_connect,
    copy_file_range = SYS_copy_file_range,
    #[cfg(target_arch = "x86_64")]
    epoll_wait = SYS_epoll_wait,
    epoll_pwait = SYS_epoll_pwait,
    fallocate = SYS_fallocate,
    fcntl = SYS_fcntl,
    fdatasync = SYS_fdatasync,
    flock = SYS_flock,
    fsync = SYS_fsync,
    futex = SYS_futex,
    getdents64 = SYS_getdents64,
    getrandom = SYS_getrandom,
    io_uring_enter = SYS_io_uring_enter,
    mmap = SYS_mmap,
    munmap = SYS_munmap,
    nanosleep = SYS_nanosleep,
    #[cfg(target_arch = "x86_64")]
    open = SYS_open,
    openat = SYS_openat,
    #[cfg(target_arch = "x86_64")]
    poll = SYS_poll,
    ppoll = SYS_ppoll,
    pread64 = SYS_pread64,
    pselect6 = SYS_pselect6,
    pwrite64 = SYS_pwrite64,
    read = SYS_read,
    readv = SYS_readv,
    recvfrom = SYS_recvfrom,
    recvmsg = SYS_recvmsg,
    rt_sigtimedwait = SYS_rt_sigtimedwait,
    #[cfg(target_arch = "x86_64")]
    select = SYS_select,
    sendfile = SYS_sendfile,
    sendmsg = SYS_sendmsg,
    sendto = SYS_sendto,
    statx = SYS_statx,
    unlinkat = SYS_unlinkat,
    wait4 = SYS_wait4,
    waitid = SYS_waitid,
    write = SYS_write,
    writev = SYS_writev,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_may_have_any_name() {
        assert_eq!(state("12 (fibra-0) S 1 2"), Some('S'));
        assert_eq!(state("12 (a) R (b)) D 1"), Some('D'));
        assert_eq!(state("nonsense"), None);
    }

    #[test]
    fn what_a_thread_waits_in_has_a_name() {
        for name in SLEEP_CALLS.iter().chain(&[LOCK_CALL]) {
            assert!(SYSTEM_CALLS.iter().any(|(_, known)| known == name), "{name}");
        }
        assert_eq!(system_call_name(libc::SYS_futex), Some(LOCK_CALL));
    }
}
