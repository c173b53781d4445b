//! Where the code of this process lies, for handlers, which may not ask the loader.

use crate::os::signals;
use std::sync::OnceLock;

/// Addresses that hold code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeRange {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) is_readable: bool,
    /// Where the program was loaded, if the code is the program's own and not a library's.
    pub(crate) program_base: Option<usize>,
}

impl CodeRange {
    pub(crate) fn contains(&self, address: usize) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// Its first address, unless the code may only be executed.
    pub(crate) fn readable_start(&self) -> Option<usize> {
        self.is_readable.then_some(self.start)
    }
}

/// The code that was loaded when the handler was installed. After the first call this only reads.
pub(crate) fn all() -> &'static [CodeRange] {
    static RANGES: OnceLock<Vec<CodeRange>> = OnceLock::new();
    RANGES.get_or_init(signals::find_code_ranges)
}

/// How far behind the start of the program an address lies, if it is one of the program's own code: what symbolisers
/// understand.
pub(crate) fn offset_in_program(address: usize) -> Option<usize> {
    let range = all().iter().find(|range| range.contains(address))?;
    Some(address - range.program_base?)
}
