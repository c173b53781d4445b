//! The wait's end, to the tenth of a millisecond.
//!
//! A port's own time limit counts the ticks of the system's clock, of which there are 64 a second. A waitable timer of high
//! resolution is finer, and a wait completion packet has the port hear of it. Both are younger than the ports, and the second
//! stands in no header: they are looked up, and where they are missing, the port's time limit has to do.

use std::ffi::{CStr, c_void};
use std::mem;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::time::Duration;

use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Win32::Foundation::{GENERIC_ALL, HANDLE, NTSTATUS};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::Threading::{
    CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, CreateWaitableTimerExW, SetWaitableTimer, TIMER_ALL_ACCESS,
};
use windows_sys::w;

use super::port::{ALARM, Port};

type Create = unsafe extern "system" fn(*mut HANDLE, u32, *const OBJECT_ATTRIBUTES) -> NTSTATUS;
type Associate = unsafe extern "system" fn(
    packet: HANDLE,
    port: HANDLE,
    object: HANDLE,
    key: *const c_void,
    context: *const c_void,
    status: NTSTATUS,
    information: usize,
    already_signaled: *mut u8,
) -> NTSTATUS;
type Cancel = unsafe extern "system" fn(packet: HANDLE, remove_signaled: u8) -> NTSTATUS;

pub(super) struct Alarm {
    timer: OwnedHandle,
    packet: OwnedHandle,
    associate: Associate,
    cancel: Cancel,
}

/// A function of the system's innermost library, if it has it.
fn look_up(name: &CStr) -> Option<unsafe extern "system" fn() -> isize> {
    // SAFETY: both names are ended by zero. That library is never unloaded.
    unsafe { GetProcAddress(GetModuleHandleW(w!("ntdll.dll")), name.as_ptr().cast()) }
}

impl Alarm {
    /// `None`: the system has no such thing.
    pub(super) fn new() -> Option<Alarm> {
        // SAFETY: the functions with these names have these types.
        let (create, associate, cancel) = unsafe {
            (
                mem::transmute::<unsafe extern "system" fn() -> isize, Create>(look_up(
                    c"NtCreateWaitCompletionPacket",
                )?),
                mem::transmute::<unsafe extern "system" fn() -> isize, Associate>(look_up(
                    c"NtAssociateWaitCompletionPacket",
                )?),
                mem::transmute::<unsafe extern "system" fn() -> isize, Cancel>(look_up(
                    c"NtCancelWaitCompletionPacket",
                )?),
            )
        };
        let mut packet = ptr::null_mut();
        // SAFETY: without a name and attributes; the handles are new, and nobody else's.
        unsafe {
            let flags = CREATE_WAITABLE_TIMER_HIGH_RESOLUTION;
            let timer = CreateWaitableTimerExW(ptr::null(), ptr::null(), flags, TIMER_ALL_ACCESS);
            if timer.is_null() {
                return None;
            }
            let timer = OwnedHandle::from_raw_handle(timer);
            if create(&raw mut packet, GENERIC_ALL, ptr::null()) < 0 {
                return None;
            }
            Some(Alarm { timer, packet: OwnedHandle::from_raw_handle(packet), associate, cancel })
        }
    }

    /// Has the port's wait end after this time. `false`: it won't. Each call is followed by one of
    /// [`clear`](Alarm::clear).
    pub(super) fn set(&self, port: &Port, pause: Duration) -> bool {
        // In tenths of a microsecond, rounded up; negative: from now on.
        let due = -i64::try_from(pause.as_nanos().div_ceil(100)).unwrap_or(i64::MAX);
        // SAFETY: all handles are open; the call reads the time.
        unsafe {
            let timer = self.timer.as_raw_handle();
            if SetWaitableTimer(timer, &raw const due, 0, None, ptr::null(), 0) == 0 {
                return false;
            }
            let (packet, key) = (self.packet.as_raw_handle(), ptr::without_provenance(ALARM));
            (self.associate)(packet, port.raw(), timer, key, ptr::null(), 0, 0, ptr::null_mut()) >= 0
        }
    }

    /// Takes it back, with its packet if that is in the port already.
    pub(super) fn clear(&self) {
        // SAFETY: the handle is open. There is nothing to take back if the packet has come out.
        unsafe { (self.cancel)(self.packet.as_raw_handle(), 1) };
    }
}
