//! Stopping a thread by suspending it, on Windows: the asker looks around in its place.
//!
//! A thread that stands still may hold any lock: the heap's, the loader's, standard output's. So nothing that is done until it
//! goes on allocates or waits. Who looks has promised that anyway.
//!
//! Only who has the slot of `snapshot` gets here. Two threads that suspended each other would both stand still for ever.

use crate::code_ranges;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::sync::OnceLock;
use windows_sys::Win32::System::Diagnostics::Debug::{
    CONTEXT, CONTEXT_CONTROL_AMD64, GetThreadContext, RtlCaptureContext,
};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcessId, GetCurrentThreadId, GetProcessIdOfThread, OpenThread, ResumeThread, SuspendThread,
    THREAD_GET_CONTEXT, THREAD_QUERY_LIMITED_INFORMATION, THREAD_SUSPEND_RESUME,
};

/// Serves the request for a thread, stopped with these two registers. `false`: there is none.
type Answer = fn(thread: u32, program_counter: usize, stack_pointer: usize) -> bool;

static ANSWER: OnceLock<Answer> = OnceLock::new();

/// Nothing is forked here.
pub(crate) fn install(answer: Answer, _in_child: extern "C" fn()) -> io::Result<()> {
    // Who looks reads these; they must be there before anybody stands still.
    code_ranges::all();
    ANSWER.get_or_init(|| answer);
    Ok(())
}

pub(crate) fn is_installed() -> bool {
    ANSWER.get().is_some()
}

/// Nobody can hide.
pub(crate) fn unblock() -> io::Result<()> {
    Ok(())
}

/// Has the request for a thread of this process served, before this returns.
pub(crate) fn send(thread: u32) -> io::Result<()> {
    let Some(answer) = ANSWER.get() else { return Err(io::ErrorKind::Unsupported.into()) };
    // SAFETY: no arguments, and it can't fail.
    if thread == unsafe { GetCurrentThreadId() } {
        let Registers(own) = Registers::captured();
        answer(thread, own.Rip as usize, own.Rsp as usize);
        return Ok(());
    }
    let stopped = Stopped::new(thread)?;
    let Registers(its) = stopped.registers()?;
    answer(thread, its.Rip as usize, its.Rsp as usize);
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
struct Registers(CONTEXT);

impl Registers {
    /// With room for those of control: where the code is, and where the stack ends.
    fn empty() -> Registers {
        Registers(CONTEXT { ContextFlags: CONTEXT_CONTROL_AMD64, ..Default::default() })
    }

    /// Those of the calling thread, a moment ago.
    fn captured() -> Registers {
        let mut registers = Registers::empty();
        // SAFETY: the call fills the structure.
        unsafe { RtlCaptureContext(&raw mut registers.0) };
        registers
    }
}
