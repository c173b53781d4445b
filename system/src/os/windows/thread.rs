//! What Windows tells of a thread: how long it has run, in the ticks of its clock, but not whether it waits.

use crate::thread::Activity;
use std::io::{self, ErrorKind};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::time::Duration;
use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::Threading::{
    GetCurrentProcessId, GetCurrentThreadId, GetProcessIdOfThread, GetThreadTimes, OpenThread,
    THREAD_QUERY_LIMITED_INFORMATION,
};

pub(crate) fn thread_id() -> u32 {
    // SAFETY: no arguments, and it can't fail.
    unsafe { GetCurrentThreadId() }
}

/// Only a list of all threads of the machine would tell whether it waits.
pub(crate) fn thread_activity(thread: u32) -> io::Result<Activity> {
    let thread = open(thread)?;
    let [mut created, mut ended, mut in_kernel, mut in_program] = [FILETIME::default(); 4];
    // SAFETY: the handle is open, and there is room for four times.
    let status = unsafe {
        GetThreadTimes(
            thread.as_raw_handle(),
            &raw mut created,
            &raw mut ended,
            &raw mut in_kernel,
            &raw mut in_program,
        )
    };
    super::check(status)?;
    Ok(Activity { is_waiting: None, run_time: duration(in_kernel) + duration(in_program) })
}

/// As above; where a thread stands is known to who has stopped it.
pub(crate) fn system_call(_thread: u32) -> io::Result<Option<i64>> {
    Err(ErrorKind::Unsupported.into())
}

/// A thread of this process.
fn open(thread: u32) -> io::Result<OwnedHandle> {
    // SAFETY: takes plain numbers.
    let handle = unsafe { OpenThread(THREAD_QUERY_LIMITED_INFORMATION, 0, thread) };
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened, and is nobody else's.
    let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
    // SAFETY: the handle is open; the other call has no arguments.
    let is_ours = unsafe { GetProcessIdOfThread(handle.as_raw_handle()) == GetCurrentProcessId() };
    if is_ours { Ok(handle) } else { Err(ErrorKind::NotFound.into()) }
}

fn duration(time: FILETIME) -> Duration {
    const NANOSECONDS: u64 = 100;
    Duration::from_nanos((u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime)) * NANOSECONDS)
}
