//! Windows: a thread of the system's pool waits for the process, and tells.

use crate::{
    primitive::unmodelled::{AtomicBool, Ordering},
    sync::Notify,
    wait::wait_for_io,
};
use std::{
    ffi::c_void,
    future::Future,
    io,
    os::windows::io::{AsHandle, AsRawHandle, OwnedHandle},
    pin::pin,
    process::Child,
    ptr,
    sync::Arc,
};
use windows_sys::Win32::{
    Foundation::HANDLE,
    System::Threading::{INFINITE, RegisterWaitForSingleObject, UnregisterWaitEx, WT_EXECUTEONLYONCE},
};

/// Who has ended leaves nothing but the handles that there are.
pub(in crate::process) const LEAVES_A_ZOMBIE: bool = false;

pub(in crate::process) struct Watch {
    news: Arc<News>,
    wait: HANDLE,
    /// Open for as long as it is waited for.
    _process: OwnedHandle,
}

struct News {
    is_told: AtomicBool,
    told: Notify,
}

// SAFETY: the handle of the wait may be used by any thread, and is used by whoever drops it alone.
unsafe impl Send for Watch {}
// SAFETY: as above.
unsafe impl Sync for Watch {}

impl Watch {
    pub(super) fn new(child: &Child) -> io::Result<Self> {
        let process = child.as_handle().try_clone_to_owned()?;
        let news = Arc::new(News { is_told: AtomicBool::new(false), told: Notify::new() });
        let (share, mut wait) = (Arc::into_raw(Arc::clone(&news)), ptr::null_mut());
        // SAFETY: the handle is of a process, and open until the wait is over: see `drop`. `tell` is called once at most, with
        // a share.
        let registered = unsafe {
            RegisterWaitForSingleObject(
                &raw mut wait,
                process.as_raw_handle(),
                Some(tell),
                share.cast(),
                INFINITE,
                WT_EXECUTEONLYONCE,
            )
        };
        if registered == 0 {
            let error = io::Error::last_os_error();
            // SAFETY: nobody was given the share.
            drop(unsafe { Arc::from_raw(share) });
            return Err(error);
        }
        Ok(Self { news, wait, _process: process })
    }

    pub(super) fn wait(&self) -> io::Result<()> {
        let mut told = pin!(self.news.told.notified_async());
        wait_for_io(|context| told.as_mut().poll(context).map(Ok))
    }

    pub(super) async fn wait_async(&self) -> io::Result<()> {
        self.news.told.notified_async().await;
        Ok(())
    }
}

impl Drop for Watch {
    /// Doesn't wait for `tell`, which may be who drops this: with the last waker of a future that has it.
    fn drop(&mut self) {
        // SAFETY: it was registered, and is unregistered once.
        let is_over = unsafe { UnregisterWaitEx(self.wait, ptr::null_mut()) } != 0;
        if is_over && !self.news.is_told.load(Ordering::SeqCst) {
            // SAFETY: `tell` isn't running, was never called, and won't be: its share is nobody's.
            unsafe { Arc::decrement_strong_count(Arc::as_ptr(&self.news)) };
        }
    }
}

/// # Safety
///
/// `share` is one of a `News`, and given away.
unsafe extern "system" fn tell(share: *mut c_void, _timed_out: bool) {
    // SAFETY: by contract.
    let news = unsafe { Arc::from_raw(share.cast::<News>().cast_const()) };
    news.is_told.store(true, Ordering::SeqCst);
    news.told.notify_one();
}
