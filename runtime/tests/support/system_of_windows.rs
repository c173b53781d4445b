//! What tests have to know of Windows, and of Wine, which differs from it in what each of them names.
#![allow(dead_code, reason = "each test asks something else")]

use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::{s, w};

/// What is always there, and always empty.
pub const NOTHING: &str = "NUL";

/// What the error of a name that nobody has says: the system's words are not always English.
pub const NO_SUCH_NAME: &str = "os error 11001";

/// Whether a transfer at an offset leaves the file's position alone.
pub const OFFSETS_ARE_NO_POSITIONS: bool = false;

/// Whether a connection that is known to be broken goes on to say how it broke.
pub const SAYS_HOW_IT_BROKE: bool = true;

/// Whether it is always known in which system call a thread waits.
pub const ALWAYS_TELLS_THE_CALL: bool = true;

/// The system calls in which threads sleep: std has them wait for a timer where it can, which are several objects for Wine.
pub const SLEEPS: &[&str] = &["NtDelayExecution", "NtWaitForSingleObject", "NtWaitForMultipleObjects"];

/// The one in which they wait for locks.
pub const LOCK: &str = "NtWaitForAlertByThreadId";

/// Whether this is Windows as Wine has it.
pub fn is_wine() -> bool {
    // SAFETY: both names are ended by zero; the library is in every process.
    unsafe { GetProcAddress(GetModuleHandleW(w!("ntdll.dll")), s!("wine_get_version")) }.is_some()
}
