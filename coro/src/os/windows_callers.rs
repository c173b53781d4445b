//! Callers on Windows, by the tables that come with all code: what each function has done to the stack, instruction by
//! instruction.
//!
//! The system's own reader of these tables takes a lock to find them, which the thread that is looked at may hold. So they are
//! found beforehand, and read here: there are few kinds of entries.
//!
//! ```text
//!   module: sorted by place        what one function does                      each code, the last one first
//!   ┌──────────────────────┐      ┌──────────────────────────────────┐        ┌───────────────────────────┐
//!   │ start, end, unwind ──┼─────▶│ version, flags │ length of prolog │        │ from which offset on       │
//!   │ …                    │      │ codes          │ frame register   │───────▶│ operation, and its operand │
//!   └──────────────────────┘      └──────────────────────────────────┘        └───────────────────────────┘
//! ```
//!
//! A thread that is stopped in the last instructions of a function, which take the frame down, is the one case that is not told:
//! then the callers may be wrong, or none.

use crate::StackBounds;
use std::ptr;
use windows_sys::Win32::System::Diagnostics::Debug::{
    IMAGE_DIRECTORY_ENTRY_EXCEPTION, IMAGE_NT_HEADERS64, IMAGE_RUNTIME_FUNCTION_ENTRY,
};
use windows_sys::Win32::System::SystemServices::IMAGE_DOS_HEADER;

/// A program or library, and its table of functions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Module {
    base: usize,
    len: usize,
    /// In its image.
    functions: *const IMAGE_RUNTIME_FUNCTION_ENTRY,
    function_count: usize,
}

// SAFETY: the table is only read, by anybody, and stays for as long as the module is loaded, which everything that looks at code
// assumes to be for ever.
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

impl Module {
    /// # Safety
    ///
    /// A module is loaded there.
    pub(crate) unsafe fn at(base: *const u8) -> Module {
        // SAFETY: the loader maps a module's headers at its start, and has checked them: each tells where the next one lies.
        unsafe {
            let dos = &*base.cast::<IMAGE_DOS_HEADER>();
            let optional =
                &raw const (*base.add(dos.e_lfanew as usize).cast::<IMAGE_NT_HEADERS64>()).OptionalHeader;
            let table = (*optional).DataDirectory[IMAGE_DIRECTORY_ENTRY_EXCEPTION as usize];
            Module {
                base: base.expose_provenance(),
                len: (*optional).SizeOfImage as usize,
                functions: base.add(table.VirtualAddress as usize).cast(),
                function_count: table.Size as usize / size_of::<IMAGE_RUNTIME_FUNCTION_ENTRY>(),
            }
        }
    }

    fn contains(&self, address: usize) -> bool {
        (self.base..self.base + self.len).contains(&address)
    }

    /// The entry of the function in which an address lies; none if that leaves the stack alone.
    fn function(&self, address: usize) -> Option<IMAGE_RUNTIME_FUNCTION_ENTRY> {
        let offset = (address - self.base) as u32;
        let (mut from, mut to) = (0, self.function_count);
        while from < to {
            let middle = from.midpoint(to);
            // SAFETY: one of the entries of the table.
            let entry = unsafe { self.functions.add(middle).read() };
            if offset < entry.BeginAddress {
                to = middle;
            } else if offset >= entry.EndAddress {
                from = middle + 1;
            } else {
                return Some(entry);
            }
        }
        None
    }

    /// Something in the image.
    ///
    /// # Safety
    ///
    /// The module's tables say that it is there.
    unsafe fn read<T: Copy>(&self, offset: usize) -> T {
        // SAFETY: the caller's word; the tables are aligned for what they hold, and if not, this doesn't mind.
        unsafe { ptr::with_exposed_provenance::<T>(self.base + offset).read_unaligned() }
    }
}

/// Where a thread stands, in one of its calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) program_counter: usize,
    /// As the tables number them: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, and r8 to r15.
    pub(crate) registers: [usize; 16],
}

impl Frame {
    const STACK_POINTER: usize = 4;

    pub(crate) fn stack_pointer(&self) -> usize {
        self.registers[Self::STACK_POINTER]
    }

    /// Where the caller goes on; `None` if that can't be told, or if there is none.
    ///
    /// # Safety
    ///
    /// The frame is of a thread that stands still, on a stack that is mapped from its limit to its top; the modules are loaded.
    unsafe fn caller(mut self, stack: StackBounds, modules: &[Module]) -> Option<Frame> {
        let start = self.stack_pointer();
        let module = modules.iter().find(|module| module.contains(self.program_counter))?;
        if let Some(function) = module.function(self.program_counter) {
            // SAFETY: the function's entry is the module's; the stack by contract.
            unsafe { self.undo(function, module, stack)? };
        }
        // SAFETY: by contract.
        self.program_counter = unsafe { self.pop(stack)? };
        (self.stack_pointer() > start && modules.iter().any(|module| module.contains(self.program_counter)))
            .then_some(self)
    }

    /// Takes back what a function has done to the stack, from its entry on.
    ///
    /// # Safety
    ///
    /// As [`caller`](Self::caller), with an entry of this module's.
    unsafe fn undo(
        &mut self,
        mut function: IMAGE_RUNTIME_FUNCTION_ENTRY,
        module: &Module,
        stack: StackBounds,
    ) -> Option<()> {
        /// The rest of the function's frame is another entry's.
        const IS_CHAINED: u8 = 0x20;
        /// What a chain may have at most: no compiler makes so many.
        const LONGEST_CHAIN: usize = 32;
        let mut done = self.program_counter - module.base - function.BeginAddress as usize;
        for _ in 0..LONGEST_CHAIN {
            // SAFETY: the entry's word; the same for what follows the header, whose length it tells.
            let info = unsafe { Info::read(module, function.Anonymous.UnwindInfoAddress as usize) };
            // SAFETY: by contract.
            unsafe { self.undo_codes(&info, module, done, stack)? };
            if info.flags & IS_CHAINED == 0 {
                return Some(());
            }
            // SAFETY: behind the codes, whose number is made even, there is the other entry.
            function =
                unsafe { module.read(info.codes + usize::from(info.code_count).next_multiple_of(2) * 2) };
            // It was done before this one began.
            done = usize::MAX;
        }
        None
    }

    /// # Safety
    ///
    /// As [`undo`](Self::undo), with what the module tells of the function.
    unsafe fn undo_codes(
        &mut self,
        info: &Info,
        module: &Module,
        done: usize,
        stack: StackBounds,
    ) -> Option<()> {
        let base = info.frame_base(self, done);
        let mut index = 0;
        while index < usize::from(info.code_count) {
            // SAFETY: there are so many codes, and the words that belong to one are among them.
            let word = |index: usize| unsafe { module.read::<u16>(info.codes + index * 2) };
            let [offset, operation] = word(index).to_le_bytes();
            let (operation, operand) = (operation & 0xf, usize::from(operation >> 4));
            let short = || usize::from(word(index + 1)) * 8;
            let long = || usize::from(word(index + 1)) | usize::from(word(index + 2)) << 16;
            let applies = usize::from(offset) <= done;
            let mut grown = 0;
            match operation {
                // SAFETY: by contract.
                PUSH if applies => self.registers[operand] = unsafe { self.pop(stack)? },
                ALLOCATE if applies => grown = if operand == 0 { short() } else { long() },
                ALLOCATE_LITTLE if applies => grown = (operand + 1) * 8,
                SET_FRAME if applies => self.registers[Self::STACK_POINTER] = info.frame_pointed_to(self),
                SAVE | SAVE_FAR if applies => {
                    let distance = if operation == SAVE { short() } else { long() };
                    // SAFETY: by contract.
                    self.registers[operand] = unsafe { word_at(stack, base.wrapping_add(distance))? };
                }
                // The system has called: what it has interrupted is not told by these tables alone.
                MACHINE_FRAME => return None,
                _ => (),
            }
            self.registers[Self::STACK_POINTER] = self.stack_pointer().wrapping_add(grown);
            index += words_of(operation, operand);
        }
        Some(())
    }

    /// # Safety
    ///
    /// As [`caller`](Self::caller).
    unsafe fn pop(&mut self, stack: StackBounds) -> Option<usize> {
        // SAFETY: by contract.
        let word = unsafe { word_at(stack, self.stack_pointer())? };
        self.registers[Self::STACK_POINTER] += size_of::<usize>();
        Some(word)
    }
}

/// # Safety
///
/// The stack is mapped from its limit to its top, and nobody writes there.
unsafe fn word_at(stack: StackBounds, address: usize) -> Option<usize> {
    let is_in = (stack.limit.addr()..stack.top.addr()).contains(&address)
        && address.is_multiple_of(size_of::<usize>());
    // SAFETY: a word of the stack: its top is aligned as well.
    is_in.then(|| unsafe { stack.top.with_addr(address).cast::<usize>().read_volatile() })
}

const PUSH: u8 = 0;
const ALLOCATE: u8 = 1;
const ALLOCATE_LITTLE: u8 = 2;
const SET_FRAME: u8 = 3;
const SAVE: u8 = 4;
const SAVE_FAR: u8 = 5;
const MACHINE_FRAME: u8 = 10;

/// How many words an operation's code has, with its operands.
fn words_of(operation: u8, operand: usize) -> usize {
    /// Where the function ends, and what saves a vector register: callers are found without.
    const EPILOG: u8 = 6;
    const RESERVED: u8 = 7;
    const SAVE_VECTOR: u8 = 8;
    const SAVE_VECTOR_FAR: u8 = 9;
    match operation {
        ALLOCATE => 2 + operand.min(1),
        SAVE | EPILOG | SAVE_VECTOR => 2,
        SAVE_FAR | RESERVED | SAVE_VECTOR_FAR => 3,
        _ => 1,
    }
}

/// What a module tells of a function.
struct Info {
    flags: u8,
    /// The register that points into the frame, 0 for none, and how far.
    frame_register: usize,
    frame_offset: usize,
    prolog_len: usize,
    code_count: u8,
    /// Where they are in the module.
    codes: usize,
}

impl Info {
    /// # Safety
    ///
    /// The module's tables say that it is there.
    unsafe fn read(module: &Module, offset: usize) -> Info {
        // SAFETY: by contract.
        let [flags, prolog_len, code_count, frame] = unsafe { module.read::<[u8; 4]>(offset) };
        Info {
            flags,
            frame_register: usize::from(frame & 0xf),
            frame_offset: usize::from(frame >> 4) * 16,
            prolog_len: prolog_len.into(),
            code_count,
            codes: offset + size_of::<[u8; 4]>(),
        }
    }

    /// Where the fixed part of the frame begins.
    fn frame_base(&self, frame: &Frame, done: usize) -> usize {
        if self.frame_register == 0 || done < self.prolog_len {
            frame.stack_pointer()
        } else {
            self.frame_pointed_to(frame)
        }
    }

    fn frame_pointed_to(&self, frame: &Frame) -> usize {
        frame.registers[self.frame_register].wrapping_sub(self.frame_offset)
    }
}

/// Where the callers go on, innermost first.
pub(crate) struct Callers<'a> {
    frame: Option<Frame>,
    stack: StackBounds,
    modules: &'a [Module],
}

impl<'a> Callers<'a> {
    /// # Safety
    ///
    /// For as long as this is used, the frame is of a thread that stands still, on a stack that is mapped from its limit to its
    /// top; the modules are loaded.
    pub(crate) unsafe fn new(frame: Frame, stack: StackBounds, modules: &'a [Module]) -> Callers<'a> {
        Callers { frame: Some(frame), stack, modules }
    }
}

impl Iterator for Callers<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        // SAFETY: the word of who has made this.
        self.frame = unsafe { self.frame?.caller(self.stack, self.modules) };
        Some(self.frame?.program_counter)
    }
}

#[cfg(test)]
mod tests {
    use super::super::signals::loaded_modules;
    use super::super::snapshots::Registers;
    use super::*;
    use std::hint::black_box;
    use windows_sys::Win32::System::Diagnostics::Debug::RtlCaptureStackBackTrace;
    use windows_sys::Win32::System::Threading::GetCurrentThreadStackLimits;

    /// The stack that the system gave this thread.
    fn own_stack() -> StackBounds {
        let (mut low, mut high) = (0, 0);
        // SAFETY: the call writes two numbers.
        unsafe { GetCurrentThreadStackLimits(&raw mut low, &raw mut high) };
        let at = ptr::with_exposed_provenance_mut::<u8>;
        StackBounds { top: at(high), limit: at(low), guard: at(low), size: high - low }
    }

    /// What the tables say, and what the system makes of them; from the same place on, or nearly so.
    #[inline(never)]
    fn callers_twice() -> (Vec<usize>, Vec<usize>) {
        // SAFETY: handles of loaded modules are their addresses.
        let modules: Vec<_> =
            loaded_modules().iter().map(|module| unsafe { Module::at(module.cast::<u8>()) }).collect();
        let frame = Registers::captured().frame();
        // SAFETY: the frames of our callers stand still for as long as we do, and what lies below them is read by nobody who
        // finds them by the tables.
        let ours = unsafe { Callers::new(frame, own_stack(), &modules) }.collect();
        let mut theirs = [ptr::null_mut(); 62];
        // SAFETY: room for so many addresses.
        let count =
            unsafe { RtlCaptureStackBackTrace(0, theirs.len() as u32, theirs.as_mut_ptr(), ptr::null_mut()) };
        (ours, theirs[..usize::from(count)].iter().map(|address| address.addr()).collect())
    }

    /// Frames of several kinds: with saved registers, with much memory, and with less.
    #[inline(never)]
    fn deeper(depth: usize) -> (Vec<usize>, Vec<usize>) {
        let little = black_box([depth; 3]);
        if depth == 0 { callers_twice() } else { with_pages(little[black_box(1)] - 1) }
    }

    #[inline(never)]
    fn with_pages(depth: usize) -> (Vec<usize>, Vec<usize>) {
        let pages = black_box([depth as u8; 10_000]);
        let found = [depth].iter().map(|depth| deeper(*depth)).next().expect("there is one");
        black_box(pages);
        found
    }

    #[test]
    fn callers_are_those_that_the_system_finds() {
        let (ours, theirs) = deeper(5);
        // The first is in the function that has asked twice. Behind the last, Wine reads on.
        assert!(ours.len() > 20 && theirs[1..].starts_with(&ours[1..]), "{ours:x?} and {theirs:x?}");
    }
}
