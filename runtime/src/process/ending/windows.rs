//! Windows: a thread of the system's pool waits for the process, and tells.

use crate::{sync::Notify, wait::wait_for_io};
use std::{
    ffi::c_void,
    future::Future,
    io,
    os::windows::io::{AsRawHandle, OwnedHandle},
    pin::pin,
    process::Child,
    ptr,
};
use windows_sys::Win32::{
    Foundation::{HANDLE, INVALID_HANDLE_VALUE},
    System::Threading::{INFINITE, RegisterWaitForSingleObject, UnregisterWaitEx, WT_EXECUTEONLYONCE},
};

/// Who has ended leaves nothing but the handles that there are.
pub(in crate::process) const LEAVES_A_ZOMBIE: bool = false;

pub(in crate::process) struct Watch {
    has_ended: Box<Notify>,
    wait: HANDLE,
    /// Open for as long as it is waited for.
    _process: OwnedHandle,
}

// SAFETY: the handle of a wait may be used by any thread; it is used in `drop` alone.
unsafe impl Send for Watch {}
// SAFETY: as above.
unsafe impl Sync for Watch {}

impl Watch {
    pub(super) fn new(child: &Child) -> io::Result<Self> {
        use std::os::windows::io::AsHandle;
        let process = child.as_handle().try_clone_to_owned()?;
        let (has_ended, mut wait) = (Box::new(Notify::new()), ptr::null_mut());
        let context: *const Notify = &raw const *has_ended;
        // SAFETY: the handle is of a process, and open until the wait is over, as `tell`'s context lives until then: see `drop`.
        let registered = unsafe {
            let handle = process.as_raw_handle();
            RegisterWaitForSingleObject(
                &raw mut wait,
                handle,
                Some(tell),
                context.cast(),
                INFINITE,
                WT_EXECUTEONLYONCE,
            )
        };
        if registered == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { has_ended, wait, _process: process })
    }

    pub(super) fn wait(&self) -> io::Result<()> {
        let mut told = pin!(self.has_ended.notified_async());
        wait_for_io(|context| told.as_mut().poll(context).map(Ok))
    }

    pub(super) async fn wait_async(&self) -> io::Result<()> {
        self.has_ended.notified_async().await;
        Ok(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: it was registered, and is unregistered once. With this handle the call returns when `tell` runs no more, and will
        // run no more; it is no call from there.
        let unregistered = unsafe { UnregisterWaitEx(self.wait, INVALID_HANDLE_VALUE) };
        assert_ne!(unregistered, 0, "a wait that was registered can be unregistered");
    }
}

/// # Safety
///
/// `context` is a `Notify`.
unsafe extern "system" fn tell(context: *mut c_void, _timed_out: bool) {
    // SAFETY: by contract.
    unsafe { &*context.cast::<Notify>() }.notify_one();
}
