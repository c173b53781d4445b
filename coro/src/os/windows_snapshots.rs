//! Stopping a thread by suspending it, on Windows: the asker looks around in its place.
//!
//! A thread that stands still may hold any lock: the heap's, the loader's, standard output's. So nothing that is done until it
//! goes on allocates or waits. Who looks has promised that anyway.
//!
//! Only who has the slot of `snapshot` gets here. Two threads that suspended each other would both stand still for ever.

use super::callers::{Callers, Module};
use super::signals;
use crate::StackBounds;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::sync::OnceLock;
use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::System::Diagnostics::Debug::{
    CONTEXT, CONTEXT_CONTROL_AMD64, CONTEXT_INTEGER_AMD64, GetThreadContext, RtlCaptureContext,
};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcessId, GetCurrentThreadId, GetProcessIdOfThread, OpenThread, ResumeThread, SuspendThread,
    THREAD_GET_CONTEXT, THREAD_QUERY_LIMITED_INFORMATION, THREAD_SUSPEND_RESUME,
};

pub(crate) use super::callers::Frame;

/// Serves the request for a thread, stopped there. `false`: there is none.
type Answer = fn(thread: u32, frame: Frame) -> bool;

struct Installed {
    answer: Answer,
    /// Those that were loaded by then.
    modules: Vec<Module>,
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// Nothing is forked here.
pub(crate) fn install(answer: Answer, _in_child: extern "C" fn()) -> io::Result<()> {
    // SAFETY: a handle of a loaded module is its address.
    let module = |handle: HMODULE| unsafe { Module::at(handle.cast::<u8>()) };
    let modules = || signals::loaded_modules().into_iter().map(module).collect();
    // Before anybody stands still.
    INSTALLED.get_or_init(|| Installed { answer, modules: modules() });
    Ok(())
}

pub(crate) fn is_installed() -> bool {
    INSTALLED.get().is_some()
}

/// # Safety
///
/// As for [`Callers::new`].
pub(crate) unsafe fn return_addresses(frame: Frame, bounds: StackBounds) -> impl Iterator<Item = usize> {
    let modules = INSTALLED.get().map_or(&[][..], |installed| &installed.modules);
    // SAFETY: by contract.
    unsafe { Callers::new(frame, bounds, modules) }
}

/// Nobody can hide.
pub(crate) fn unblock() -> io::Result<()> {
    Ok(())
}

/// Has the request for a thread of this process served, before this returns.
pub(crate) fn send(thread: u32) -> io::Result<()> {
    let Some(Installed { answer, .. }) = INSTALLED.get() else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    // SAFETY: no arguments, and it can't fail.
    if thread == unsafe { GetCurrentThreadId() } {
        answer(thread, Registers::captured().frame());
        return Ok(());
    }
    let stopped = Stopped::new(thread)?;
    answer(thread, stopped.registers()?.frame());
    Ok(())
}

/// A thread that stands still until this is dropped.
struct Stopped(OwnedHandle);

impl Stopped {
    fn new(thread: u32) -> io::Result<Stopped> {
        let access = THREAD_SUSPEND_RESUME | THREAD_GET_CONTEXT | THREAD_QUERY_LIMITED_INFORMATION;
        // SAFETY: takes plain numbers.
        let handle = unsafe { OpenThread(access, 0, thread) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was just opened, and is nobody else's.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        // SAFETY: the handle is open; the other call has no arguments.
        if unsafe { GetProcessIdOfThread(handle.as_raw_handle()) != GetCurrentProcessId() } {
            return Err(io::ErrorKind::NotFound.into());
        }
        // SAFETY: the handle is open, and the thread another one than this.
        if unsafe { SuspendThread(handle.as_raw_handle()) } == u32::MAX {
            return Err(io::Error::last_os_error());
        }
        Ok(Stopped(handle))
    }

    /// What it goes on with. It may not stand still before this has returned.
    fn registers(&self) -> io::Result<Registers> {
        let mut registers = Registers::empty();
        // SAFETY: the handle is open, and the structure aligned as the call wants it.
        let status = unsafe { GetThreadContext(self.0.as_raw_handle(), &raw mut registers.0) };
        if status == 0 { Err(io::Error::last_os_error()) } else { Ok(registers) }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // SAFETY: the handle is open. It was suspended once, by `new`.
        unsafe { ResumeThread(self.0.as_raw_handle()) };
    }
}

/// The system wants them aligned so.
#[repr(C, align(16))]
pub(super) struct Registers(CONTEXT);

impl Registers {
    /// With room for those of control, where the code is and where the stack ends, and for whole numbers.
    fn empty() -> Registers {
        let wanted = CONTEXT_CONTROL_AMD64 | CONTEXT_INTEGER_AMD64;
        Registers(CONTEXT { ContextFlags: wanted, ..Default::default() })
    }

    pub(super) fn frame(&self) -> Frame {
        let CONTEXT { Rip, Rax, Rcx, Rdx, Rbx, Rsp, Rbp, Rsi, Rdi, .. } = self.0;
        let CONTEXT { R8, R9, R10, R11, R12, R13, R14, R15, .. } = self.0;
        let registers = [Rax, Rcx, Rdx, Rbx, Rsp, Rbp, Rsi, Rdi, R8, R9, R10, R11, R12, R13, R14, R15];
        Frame { program_counter: Rip as usize, registers: registers.map(|register| register as usize) }
    }

    /// Those of the calling thread, a moment ago.
    pub(super) fn captured() -> Registers {
        let mut registers = Registers::empty();
        // SAFETY: the call fills the structure.
        unsafe { RtlCaptureContext(&raw mut registers.0) };
        registers
    }
}
