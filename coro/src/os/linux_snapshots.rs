//! Stopping a thread by a signal, on Linux.

use super::signals::{Registers, action, call, check, registers};
use crate::StackBounds;
use crate::code_ranges;
use crate::return_addresses::ReturnAddresses;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Ignored where nobody has installed a handler, and passed over by debuggers. See `snapshot`.
const SIGNAL: libc::c_int = libc::SIGURG;

/// Where a thread stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) program_counter: usize,
    stack_pointer: usize,
    link: usize,
}

impl Frame {
    pub(crate) fn stack_pointer(&self) -> usize {
        self.stack_pointer
    }
}

/// # Safety
///
/// As for [`ReturnAddresses::new`].
pub(crate) unsafe fn return_addresses(frame: Frame, bounds: StackBounds) -> ReturnAddresses {
    // SAFETY: by contract.
    unsafe { ReturnAddresses::new(bounds, frame.stack_pointer, frame.link) }
}

/// Serves the request for a thread, stopped there. `false`: there is none.
type Answer = fn(thread: u32, frame: Frame) -> bool;

struct Installed {
    answer: Answer,
    /// What stood there before.
    previous: libc::sigaction,
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// Installs the handler once. `in_child` runs in every forked child.
pub(crate) fn install(answer: Answer, in_child: extern "C" fn()) -> io::Result<()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one_at_a_time = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if INSTALLED.get().is_some() {
        return Ok(());
    }
    // The handler reads these; they must be there before the first signal.
    code_ranges::all();
    let mut previous = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action the call only writes the present one through the pointer.
    check(unsafe { libc::sigaction(SIGNAL, ptr::null(), previous.as_mut_ptr()) })?;
    // SAFETY: the successful call has written it.
    let previous = unsafe { previous.assume_init() };
    // Before the handler stands, which reads it.
    INSTALLED.get_or_init(|| Installed { answer, previous });
    // SAFETY: the function is of the type demanded, and makes one atomic store. Without memory for it, a child that is forked
    // during a look can't look at its own threads.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    let mut action = action(handle as *const () as usize);
    // On the signal stack, since the thread may stand at the end of its own; and what is interrupted is to go on.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: the handler has the signature that `SA_SIGINFO` demands, and is async-signal-safe.
    check(unsafe { libc::sigaction(SIGNAL, &raw const action, ptr::null_mut()) })
}

/// Whether our handler stands: nobody has installed another one since, which the signal would bewilder.
pub(crate) fn is_installed() -> bool {
    let mut present = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action the call only writes the present one through the pointer, wholly if it succeeds.
    unsafe {
        libc::sigaction(SIGNAL, ptr::null(), present.as_mut_ptr()) == 0
            && present.assume_init().sa_sigaction == handle as *const () as usize
    }
}

/// Lets the signal reach the calling thread: its parent may have blocked all of them.
pub(crate) fn unblock() -> io::Result<()> {
    let mut signals = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the first call writes the set, which the others then use.
    let error = unsafe {
        libc::sigemptyset(signals.as_mut_ptr());
        libc::sigaddset(signals.as_mut_ptr(), SIGNAL);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, signals.as_ptr(), ptr::null_mut())
    };
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}

/// Sends the signal to a thread of this process.
pub(crate) fn send(thread: u32) -> io::Result<()> {
    // SAFETY: takes plain numbers. A number that is no thread's of this process is refused.
    let status = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, SIGNAL) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The number of the calling thread. For the handler: a system call, and nothing kept.
fn this_thread() -> u32 {
    // SAFETY: no arguments, and it can't fail.
    (unsafe { libc::syscall(libc::SYS_gettid) }) as u32
}

/// The handler.
///
/// # Safety
///
/// Called by the kernel, with what `SA_SIGINFO` promises.
unsafe extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: this thread's `errno`, which the code that was interrupted may be about to read.
    let errno = unsafe { *libc::__errno_location() };
    // SAFETY: the kernel gave us the context.
    let Registers { program_counter, stack_pointer, link } = unsafe { registers(context) };
    if let Some(Installed { answer, previous }) = INSTALLED.get()
        && !answer(this_thread(), Frame { program_counter, stack_pointer, link })
        && !matches!(previous.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN)
    {
        // SAFETY: it is a handler, and the rest is handed on as it came.
        unsafe { call(previous, signal, info, context) };
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}
