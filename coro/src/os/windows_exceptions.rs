//! Faults on Windows: a vectored exception handler, and what it may call.
//!
//! Handlers run on the stack that the exception has come on, also when that has overflowed: for this the system keeps some
//! pages below it that nobody else gets to (`SetThreadStackGuarantee`).

use crate::StackBounds;
use crate::code_ranges::{self, CodeRange};
use std::ffi::c_void;
use std::io;
use std::mem;
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};
use windows_sys::Win32::Foundation::{EXCEPTION_ACCESS_VIOLATION, EXCEPTION_STACK_OVERFLOW, HMODULE};
use windows_sys::Win32::Storage::FileSystem::WriteFile;
use windows_sys::Win32::System::Console::{GetStdHandle, STD_ERROR_HANDLE};
use windows_sys::Win32::System::Diagnostics::Debug::{
    AddVectoredExceptionHandler, EXCEPTION_CONTINUE_SEARCH, EXCEPTION_POINTERS, IMAGE_NT_HEADERS64,
    IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_READ, IMAGE_SECTION_HEADER, RemoveVectoredExceptionHandler,
};
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::System::ProcessStatus::K32EnumProcessModules;
use windows_sys::Win32::System::SystemServices::IMAGE_DOS_HEADER;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, SetThreadStackGuarantee};

/// A touch of memory that the system refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// What was touched.
    pub(crate) address: usize,
    /// By which instruction.
    pub(crate) program_counter: usize,
    /// With the stack at.
    pub(crate) stack_pointer: usize,
    /// Calls leave their return address on the stack: 0.
    pub(crate) link: usize,
    /// The system says that the thread's stack could not grow any further.
    is_overflow: bool,
}

impl Fault {
    /// Whether it means that this stack has overflowed.
    pub(crate) fn is_overflow_of(&self, bounds: StackBounds) -> bool {
        let is_on_stack = |address| bounds.contains(address) || bounds.guard_contains(address);
        bounds.guard_contains(self.address) || self.is_overflow && is_on_stack(self.stack_pointer)
    }
}

/// What tells where in the source an offset in the program lies, for the report.
pub(crate) const SYMBOLISER: &str = "llvm-symbolizer --relative-address --obj=PROGRAM OFFSET";

/// Whether the handler stands; what removes it.
enum State {
    NeverInstalled,
    Installed(Handler),
    SwitchedOff,
}

struct Handler(*mut c_void);

// SAFETY: a name of the system's, good on any thread.
unsafe impl Send for Handler {}

static STATE: Mutex<State> = Mutex::new(State::NeverInstalled);

/// What to call on a fault; null while the handler is switched off. (A `fn(&Fault)`, which atomics can't hold as such.)
static ON_FAULT: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Installs the handler once, before those that stand already.
pub(crate) fn install(on_fault: fn(&Fault)) -> io::Result<()> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    if !matches!(*state, State::NeverInstalled) {
        return Ok(());
    }
    // The handler reads these; they must be there before the first fault.
    code_ranges::all();
    ON_FAULT.store(on_fault as *mut (), Ordering::Release);
    // SAFETY: a function of the type demanded, that stays for the length of the process.
    let handler = unsafe { AddVectoredExceptionHandler(1, Some(handle)) };
    if handler.is_null() {
        return Err(io::Error::last_os_error());
    }
    *state = State::Installed(Handler(handler));
    Ok(())
}

/// Takes the handler away, and keeps it so.
pub(crate) fn disable() -> io::Result<()> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    ON_FAULT.store(ptr::null_mut(), Ordering::Release);
    if let State::Installed(handler) = mem::replace(&mut *state, State::SwitchedOff) {
        // SAFETY: `install` got it, and nobody else removes it.
        let status = unsafe { RemoveVectoredExceptionHandler(handler.0) };
        if status == 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The handler.
///
/// # Safety
///
/// Called by the system, with an exception of this thread.
unsafe extern "system" fn handle(exception: *mut EXCEPTION_POINTERS) -> i32 {
    let on_fault = ON_FAULT.load(Ordering::Acquire);
    if !on_fault.is_null()
        // SAFETY: the caller's promise.
        && let Some(fault) = unsafe { fault(exception) }
    {
        // SAFETY: `install` stored a `fn(&Fault)`; both are pointers of one size.
        let on_fault: fn(&Fault) = unsafe { mem::transmute(on_fault) };
        on_fault(&fault);
    }
    EXCEPTION_CONTINUE_SEARCH
}

/// What an exception tells, if it is a fault.
///
/// # Safety
///
/// As for `handle`.
unsafe fn fault(exception: *mut EXCEPTION_POINTERS) -> Option<Fault> {
    // SAFETY: the system gives both, filled.
    let (record, context) = unsafe { (&*(*exception).ExceptionRecord, &*(*exception).ContextRecord) };
    let is_overflow = record.ExceptionCode == EXCEPTION_STACK_OVERFLOW;
    if !is_overflow && record.ExceptionCode != EXCEPTION_ACCESS_VIOLATION {
        return None;
    }
    let stack_pointer = context.Rsp as usize;
    // Access violations tell what was touched; overflows do so on some systems only.
    let touched = (record.NumberParameters >= 2).then_some(record.ExceptionInformation[1]);
    let address = touched.unwrap_or(stack_pointer);
    Some(Fault { address, program_counter: context.Rip as usize, stack_pointer, link: 0, is_overflow })
}

/// Writes all of it, or as much as standard error takes: there is nobody to tell of a failure.
pub(crate) fn write_to_stderr(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let mut written = 0;
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        // SAFETY: the system reads `bytes` and writes the count.
        let status = unsafe {
            WriteFile(GetStdHandle(STD_ERROR_HANDLE), bytes.as_ptr(), len, &raw mut written, ptr::null_mut())
        };
        if status == 0 || written == 0 {
            return;
        }
        bytes = &bytes[written as usize..];
    }
}

/// Ends the process at once.
pub(crate) fn abort() -> ! {
    process::abort()
}

/// The code of all modules that are loaded.
pub(crate) fn find_code_ranges() -> Vec<CodeRange> {
    // SAFETY: the program itself, which is always there.
    let program = unsafe { GetModuleHandleW(ptr::null()) };
    let mut ranges = Vec::new();
    for module in loaded_modules() {
        // SAFETY: a handle of a loaded module is the address of its headers.
        unsafe { add_code(module, module == program, &mut ranges) };
    }
    ranges
}

pub(super) fn loaded_modules() -> Vec<HMODULE> {
    let mut modules = vec![ptr::null_mut(); 64];
    loop {
        let room = size_of_val(&*modules);
        let mut needed = 0;
        // SAFETY: room for as many bytes as said.
        let status = unsafe {
            let room = u32::try_from(room).unwrap_or(u32::MAX);
            K32EnumProcessModules(GetCurrentProcess(), modules.as_mut_ptr(), room, &raw mut needed)
        };
        let needed = if status == 0 { 0 } else { needed as usize };
        let is_complete = needed <= room;
        modules.resize(needed / size_of::<HMODULE>(), ptr::null_mut());
        if is_complete {
            return modules;
        }
    }
}

/// Adds the sections of a module that hold code.
///
/// # Safety
///
/// The module is loaded.
unsafe fn add_code(module: HMODULE, is_program: bool, ranges: &mut Vec<CodeRange>) {
    let base = module.cast::<u8>().cast_const();
    // SAFETY: the loader maps a module's headers at its start, and has checked them: each tells where the next one lies.
    let sections = unsafe {
        let dos = &*base.cast::<IMAGE_DOS_HEADER>();
        let headers = base.add(dos.e_lfanew as usize).cast::<IMAGE_NT_HEADERS64>();
        let optional = usize::from((*headers).FileHeader.SizeOfOptionalHeader);
        let first = (&raw const (*headers).OptionalHeader).cast::<u8>().add(optional);
        let count = usize::from((*headers).FileHeader.NumberOfSections);
        std::slice::from_raw_parts(first.cast::<IMAGE_SECTION_HEADER>(), count)
    };
    for section in sections.iter().filter(|section| section.Characteristics & IMAGE_SCN_MEM_EXECUTE != 0) {
        let start = base.addr() + section.VirtualAddress as usize;
        // SAFETY: in a loaded image this is the size.
        let end = start + unsafe { section.Misc.VirtualSize } as usize;
        let is_readable = section.Characteristics & IMAGE_SCN_MEM_READ != 0;
        ranges.push(CodeRange { start, end, is_readable, program_base: is_program.then_some(base.addr()) });
    }
}

/// What a thread has the system keep of each stack for handlers: enough for the report.
pub(crate) struct SignalStack(());

impl SignalStack {
    /// As the standard library asks for. It has to fit into the smallest guard.
    const LEN: u32 = 20 * 1024;

    /// Asks for it, for the calling thread; it can't be given back. A thread that has more keeps it.
    pub(crate) fn install() -> io::Result<SignalStack> {
        let mut len = Self::LEN;
        // SAFETY: the call reads and writes one number.
        let status = unsafe { SetThreadStackGuarantee(&raw mut len) };
        if status == 0 { Err(io::Error::last_os_error()) } else { Ok(SignalStack(())) }
    }
}
