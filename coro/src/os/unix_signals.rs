//! Faults on Unix: alternate signal stacks, the handler, and what a handler may call.

use super::current as os;
use crate::code_ranges::{self, CodeRange};
use crate::{GuardKind, StackBounds};
use std::cell::UnsafeCell;
use std::io;
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};

/// A touch of memory that the kernel refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// What was touched.
    pub(crate) address: usize,
    /// By which instruction.
    pub(crate) program_counter: usize,
    /// With the stack at.
    pub(crate) stack_pointer: usize,
    /// See [`Registers`].
    pub(crate) link: usize,
}

impl Fault {
    /// Whether it means that this stack has overflowed.
    pub(crate) fn is_overflow_of(&self, bounds: StackBounds) -> bool {
        bounds.guard_contains(self.address)
    }
}

/// What tells where in the source an offset in the program lies, for the report.
pub(crate) const SYMBOLISER: &str = "addr2line -e PROGRAM OFFSET";

/// The signals that a touched guard raises: `SIGSEGV` on Linux, `SIGBUS` on macOS for some mappings.
const FAULTS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Whether the handler stands.
enum State {
    NeverInstalled,
    Installed,
    SwitchedOff,
}

static STATE: Mutex<State> = Mutex::new(State::NeverInstalled);

/// What to call on a fault; null while the handler is switched off. (A `fn(&Fault)`, which atomics can't hold as such.)
static ON_FAULT: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// The handlers that were there before ours, in the order of [`FAULTS`].
static PREVIOUS: Previous = Previous(UnsafeCell::new([const { MaybeUninit::uninit() }; 2]));

struct Previous(UnsafeCell<[MaybeUninit<libc::sigaction>; 2]>);

// SAFETY: written once, under the lock of `STATE`, before our handler is installed; only read from then on.
unsafe impl Sync for Previous {}

impl Previous {
    /// # Safety
    ///
    /// `install` has written it.
    unsafe fn get(&self, signal: libc::c_int) -> &libc::sigaction {
        let index = usize::from(signal != FAULTS[0]);
        // SAFETY: the caller says that it was written, and it never changes again.
        unsafe { (&(*self.0.get()))[index].assume_init_ref() }
    }
}

/// Installs the handler once.
pub(crate) fn install(on_fault: fn(&Fault)) -> io::Result<()> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    if !matches!(*state, State::NeverInstalled) {
        return Ok(());
    }
    // The handler reads these; they must be there before the first fault.
    code_ranges::all();
    for (index, signal) in FAULTS.into_iter().enumerate() {
        let mut previous = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: without a new action the call only writes the present one through the pointer.
        check(unsafe { libc::sigaction(signal, ptr::null(), previous.as_mut_ptr()) })?;
        // SAFETY: our handler isn't installed yet, and the lock keeps other installers away: nobody else refers to it.
        unsafe { (&mut (*PREVIOUS.0.get()))[index] = previous };
    }
    ON_FAULT.store(on_fault as *mut (), Ordering::Release);
    for signal in FAULTS {
        let mut action = action(handle as *const () as usize);
        // On the signal stack: the fault may be that there is no room left on the one we stand on.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: the handler has the signature that `SA_SIGINFO` demands, and is async-signal-safe.
        check(unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) })?;
    }
    *state = State::Installed;
    Ok(())
}

/// Puts the handlers before ours back where ours still stand, and keeps it so.
pub(crate) fn disable() -> io::Result<()> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let was_installed = matches!(*state, State::Installed);
    *state = State::SwitchedOff;
    ON_FAULT.store(ptr::null_mut(), Ordering::Release);
    if !was_installed {
        return Ok(());
    }
    for signal in FAULTS {
        let mut present = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: without a new action the call only writes the present one through the pointer, wholly.
        let present = unsafe {
            check(libc::sigaction(signal, ptr::null(), present.as_mut_ptr()))?;
            present.assume_init()
        };
        if present.sa_sigaction == handle as *const () as usize {
            // SAFETY: `install` has written the previous action, which was valid then.
            check(unsafe { libc::sigaction(signal, PREVIOUS.get(signal), ptr::null_mut()) })?;
        }
    }
    Ok(())
}

pub(super) fn action(handler: libc::sighandler_t) -> libc::sigaction {
    // SAFETY: all fields are numbers, pointers or optional functions, for which zero is a value: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = handler;
    action
}

pub(super) fn check(status: libc::c_int) -> io::Result<()> {
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The handler.
///
/// # Safety
///
/// Called by the kernel, with what `SA_SIGINFO` promises.
unsafe extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let on_fault = ON_FAULT.load(Ordering::Acquire);
    if !on_fault.is_null() {
        // SAFETY: `install` stored a `fn(&Fault)`; both are pointers of one size.
        let on_fault: fn(&Fault) = unsafe { mem::transmute(on_fault) };
        // SAFETY: the kernel filled `info` for a fault and `context` with the registers.
        let fault = unsafe {
            let Registers { program_counter, stack_pointer, link } = registers(context);
            Fault { address: (*info).si_addr().addr(), program_counter, stack_pointer, link }
        };
        on_fault(&fault);
    }
    // SAFETY: handed on as it came; the handler runs, so `install` has written what was before.
    unsafe { pass_on(signal, info, context) };
}

/// Does with a signal what would have been done without us.
///
/// # Safety
///
/// As for `handle`.
unsafe fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: our handler runs, so `install` has written it.
    let previous = unsafe { PREVIOUS.get(signal) };
    let sent_by_a_process = {
        // SAFETY: the kernel filled it.
        let info = unsafe { &*info };
        info.si_code <= 0
    };
    match previous.sa_sigaction {
        libc::SIG_IGN if sent_by_a_process => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            // The instruction is tried again after our return, and the fault then ends the process, with a core dump
            // that shows where. A signal that was merely sent must be sent again; it waits until we return.
            let default = action(libc::SIG_DFL);
            // SAFETY: both calls are async-signal-safe and take plain data.
            unsafe {
                libc::sigaction(signal, &raw const default, ptr::null_mut());
                if sent_by_a_process {
                    libc::raise(signal);
                }
            }
        }
        // SAFETY: as the kernel gave it, to a handler that it would have called.
        _ => unsafe { call(previous, signal, info, context) },
    }
}

/// Calls another handler, as the kernel would have.
///
/// # Safety
///
/// `action` holds a handler, neither default nor ignored; the rest is what the kernel gave to ours.
pub(super) unsafe fn call(
    action: &libc::sigaction,
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    if action.sa_flags & libc::SA_SIGINFO != 0 {
        // SAFETY: an action with `SA_SIGINFO` holds a function of this type.
        let handler: unsafe extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
            unsafe { mem::transmute(action.sa_sigaction) };
        // SAFETY: called as the kernel would have.
        unsafe { handler(signal, info, context) };
    } else {
        // SAFETY: an action without `SA_SIGINFO` that is neither default nor ignored holds a function of this type.
        let handler: unsafe extern "C" fn(libc::c_int) = unsafe { mem::transmute(action.sa_sigaction) };
        // SAFETY: called as the kernel would have.
        unsafe { handler(signal) };
    }
}

/// What a thread had in some of its registers when the signal came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registers {
    pub(super) program_counter: usize,
    pub(super) stack_pointer: usize,
    /// Where a function returns to that has called none yet, on machines whose calls leave that in a register; else 0.
    pub(super) link: usize,
}

/// The registers where the signal came.
///
/// # Safety
///
/// `context` is what the kernel gave to a handler.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) unsafe fn registers(context: *mut libc::c_void) -> Registers {
    // SAFETY: the kernel gives a `ucontext_t`.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let register = |name: i32| registers[name as usize] as usize;
    Registers { program_counter: register(libc::REG_RIP), stack_pointer: register(libc::REG_RSP), link: 0 }
}

/// The registers where the signal came.
///
/// # Safety
///
/// `context` is what the kernel gave to a handler.
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
pub(super) unsafe fn registers(context: *mut libc::c_void) -> Registers {
    // SAFETY: the kernel gives a `ucontext_t`.
    let machine = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
    let link = machine.regs[30] as usize;
    Registers { program_counter: machine.pc as usize, stack_pointer: machine.sp as usize, link }
}

/// The registers where the signal came.
///
/// # Safety
///
/// `context` is what the kernel gave to a handler.
#[cfg(all(target_os = "macos", target_arch = "x86_64"))]
pub(super) unsafe fn registers(context: *mut libc::c_void) -> Registers {
    // SAFETY: the kernel gives a `ucontext_t`, which points to the registers.
    let registers = unsafe { &(*(*context.cast::<libc::ucontext_t>()).uc_mcontext).__ss };
    let (program_counter, stack_pointer) = (registers.__rip as usize, registers.__rsp as usize);
    Registers { program_counter, stack_pointer, link: 0 }
}

/// The registers where the signal came.
///
/// # Safety
///
/// `context` is what the kernel gave to a handler.
#[cfg(all(target_os = "macos", target_arch = "aarch64"))]
pub(super) unsafe fn registers(context: *mut libc::c_void) -> Registers {
    // SAFETY: the kernel gives a `ucontext_t`, which points to the registers.
    let registers = unsafe { &(*(*context.cast::<libc::ucontext_t>()).uc_mcontext).__ss };
    let (program_counter, stack_pointer) = (registers.__pc as usize, registers.__sp as usize);
    Registers { program_counter, stack_pointer, link: registers.__lr as usize }
}

/// The registers where the signal came.
///
/// # Safety
///
/// `context` is what the kernel gave to a handler.
#[cfg(all(target_os = "freebsd", target_arch = "x86_64"))]
pub(super) unsafe fn registers(context: *mut libc::c_void) -> Registers {
    // SAFETY: the kernel gives a `ucontext_t`.
    let machine = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
    let (program_counter, stack_pointer) = (machine.mc_rip as usize, machine.mc_rsp as usize);
    Registers { program_counter, stack_pointer, link: 0 }
}

/// Where the layout of the context isn't known here, the report does without: it shows the stack from its limit up.
///
/// # Safety
///
/// None.
#[cfg(not(any(
    all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")),
    all(target_os = "macos", any(target_arch = "x86_64", target_arch = "aarch64")),
    all(target_os = "freebsd", target_arch = "x86_64"),
)))]
pub(super) unsafe fn registers(_context: *mut libc::c_void) -> Registers {
    Registers { program_counter: 0, stack_pointer: 0, link: 0 }
}

/// Writes all of it, or as much as standard error takes: there is nobody to tell of a failure.
pub(crate) fn write_to_stderr(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the kernel reads `bytes` and nothing else.
        let written = unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(written) => bytes = &bytes[written..],
            Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Ends the process by `SIGABRT`.
pub(crate) fn abort() -> ! {
    // SAFETY: `abort` is async-signal-safe.
    unsafe { libc::abort() }
}

/// Adds the code of one loaded object to the vector.
///
/// # Safety
///
/// Called by the loader, with a filled entry and a `Vec<CodeRange>`.
#[cfg(target_os = "linux")]
unsafe extern "C" fn add_code(
    object: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    ranges: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: the caller's promise.
    let (object, ranges) = unsafe { (&*object, &mut *ranges.cast::<Vec<CodeRange>>()) };
    let base = object.dlpi_addr as usize;
    // The program itself comes first, before any library.
    let program_base = ranges.is_empty().then_some(base);
    // SAFETY: the entry names an array of that many headers.
    let headers = unsafe { std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)) };
    for header in
        headers.iter().filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0)
    {
        let start = base + header.p_vaddr as usize;
        let is_readable = header.p_flags & libc::PF_R != 0;
        ranges.push(CodeRange { start, end: start + header.p_memsz as usize, is_readable, program_base });
    }
    0
}

#[cfg(target_os = "linux")]
pub(crate) fn find_code_ranges() -> Vec<CodeRange> {
    let mut ranges = Vec::<CodeRange>::new();
    // SAFETY: the callback has the type demanded and gets the vector that it expects.
    unsafe { libc::dl_iterate_phdr(Some(add_code), (&raw mut ranges).cast()) };
    ranges
}

/// Elsewhere the report names the code at fault only.
#[cfg(not(target_os = "linux"))]
pub(crate) fn find_code_ranges() -> Vec<CodeRange> {
    Vec::new()
}

/// A stack for signal handlers, with a guard, installed for the calling thread.
pub(crate) struct SignalStack {
    mapping: *mut u8,
    mapped_len: usize,
    usable: *mut u8,
    previous: libc::stack_t,
}

impl SignalStack {
    /// Maps one and installs it.
    pub(crate) fn install() -> io::Result<SignalStack> {
        let page = os::page_size();
        let usable_len = Self::len().next_multiple_of(page);
        let mapped_len = page + usable_len;
        let mapping = os::reserve(mapped_len)?.as_ptr();
        let usable = mapping.wrapping_add(page);
        let wanted = libc::stack_t { ss_sp: usable.cast(), ss_flags: 0, ss_size: usable_len };
        let mut previous = MaybeUninit::<libc::stack_t>::uninit();
        // SAFETY: the first page of a mapping that nobody else knows; then a stack that stays mapped until `drop` has
        // taken it out of use.
        let installed = unsafe {
            os::guard(GuardKind::Protect, mapping, page, mapped_len)
                .and_then(|()| check(libc::sigaltstack(&raw const wanted, previous.as_mut_ptr())))
        };
        if let Err(error) = installed {
            // SAFETY: it was mapped above, and isn't in use.
            unsafe { os::release(mapping, mapped_len) }?;
            return Err(error);
        }
        // SAFETY: the successful call has written it.
        let previous = unsafe { previous.assume_init() };
        Ok(SignalStack { mapping, mapped_len, usable, previous })
    }

    /// At least four times what the kernel itself puts there: with AVX-512 or AMX that is more than the 8 KiB that C
    /// libraries think of.
    fn len() -> usize {
        (64 * 1024).max(4 * Self::kernel_minimum())
    }

    #[cfg(target_os = "linux")]
    fn kernel_minimum() -> usize {
        const AT_MINSIGSTKSZ: libc::c_ulong = 51;
        // SAFETY: reads a number of the process; 0 if the kernel doesn't tell.
        unsafe { libc::getauxval(AT_MINSIGSTKSZ) as usize }
    }

    #[cfg(not(target_os = "linux"))]
    fn kernel_minimum() -> usize {
        libc::MINSIGSTKSZ
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let mut present = MaybeUninit::<libc::stack_t>::uninit();
        // SAFETY: without a new stack the call only writes the present one through the pointer, wholly. The previous
        // one is as it was given to us. Ours is unmapped only if it has been taken out of use.
        unsafe {
            if libc::sigaltstack(ptr::null(), present.as_mut_ptr()) != 0 {
                return;
            }
            let is_ours = present.assume_init().ss_sp == self.usable.cast();
            if is_ours && libc::sigaltstack(&raw const self.previous, ptr::null_mut()) != 0 {
                return;
            }
            // A mapping that can't be unmapped stays; it is one page of memory at most, and nobody's fault.
            let _ = os::release(self.mapping, self.mapped_len);
        }
    }
}
