//! Threads of Windows.

use std::mem::size_of;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use windows_sys::Win32::Foundation::ERROR_INVALID_PARAMETER;
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::Threading::GetCurrentThreadId;

/// What is said of a thread that is not there.
pub const NO_SUCH_THREAD: i32 = ERROR_INVALID_PARAMETER as i32;

/// The calling thread's.
pub fn number() -> u32 {
    // SAFETY: no arguments.
    unsafe { GetCurrentThreadId() }
}

/// Some thread that is not of this process.
pub fn foreign_thread() -> u32 {
    let mut entry = THREADENTRY32 { dwSize: size_of::<THREADENTRY32>() as u32, ..Default::default() };
    // SAFETY: the list of all threads is new and nobody else's; the calls fill the entry, whose size they are told.
    unsafe {
        let list = OwnedHandle::from_raw_handle(CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0));
        assert_ne!(Thread32First(list.as_raw_handle(), &raw mut entry), 0);
        while [0, std::process::id()].contains(&entry.th32OwnerProcessID) {
            assert_ne!(Thread32Next(list.as_raw_handle(), &raw mut entry), 0);
        }
    }
    entry.th32ThreadID
}
