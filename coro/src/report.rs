//! Text for a signal handler: a fixed buffer and `write(2)`.

use crate::StackBounds;
use crate::os::signals::{self, CodeRange};

/// Collects text and writes it to standard error, without allocating.
pub(crate) struct Report {
    buffer: [u8; 512],
    len: usize,
}

impl Report {
    /// How many return addresses are printed: enough to show the cycle of a recursion.
    const MOST_RETURN_ADDRESSES: usize = 32;

    /// How far up the stack they are looked for, in bytes.
    const SEARCHED_BYTES: usize = 64 * 1024;

    pub(crate) fn new() -> Report {
        Report { buffer: [0; 512], len: 0 }
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Report {
        for &byte in text.as_bytes() {
            if self.len == self.buffer.len() {
                self.flush();
            }
            self.buffer[self.len] = byte;
            self.len += 1;
        }
        self
    }

    pub(crate) fn decimal(&mut self, number: usize) -> &mut Report {
        self.number(number, 10)
    }

    pub(crate) fn hexadecimal(&mut self, number: usize) -> &mut Report {
        self.text("0x").number(number, 16)
    }

    fn number(&mut self, mut number: usize, base: usize) -> &mut Report {
        let mut digits = [0_u8; 20];
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b"0123456789abcdef"[number % base];
            number /= base;
            if number == 0 {
                break;
            }
        }
        self.text(str::from_utf8(&digits[first..]).unwrap_or_default())
    }

    /// An address of code: relative to the program where it lies in it, so that `addr2line` understands it.
    pub(crate) fn code(&mut self, address: usize) -> &mut Report {
        match signals::code_ranges().iter().find(|range| range.contains(address)) {
            Some(CodeRange { program_base: Some(base), .. }) => {
                self.text("program+").hexadecimal(address - base)
            }
            _ => self.hexadecimal(address),
        }
    }

    /// Every word on the stack that points into code. Most are return addresses; which ones can't be told without
    /// unwind tables, and reading those isn't safe here.
    ///
    /// # Safety
    ///
    /// The stack is mapped from its limit to its top, and nobody writes there meanwhile.
    pub(crate) unsafe fn return_addresses(&mut self, bounds: StackBounds, stack_pointer: usize) {
        let start =
            stack_pointer.clamp(bounds.limit.addr(), bounds.top.addr()).next_multiple_of(size_of::<usize>());
        let end = bounds.top.addr().min(start.saturating_add(Self::SEARCHED_BYTES));
        let words = end.saturating_sub(start) / size_of::<usize>();
        let first = bounds.top.with_addr(start).cast::<usize>();
        let mut found = 0;
        for index in 0..words {
            // SAFETY: between `limit` and `top`, and aligned.
            let word = unsafe { first.add(index).read_volatile() };
            if signals::code_ranges().iter().any(|range| range.contains(word)) {
                self.text("    ").code(word).text("\n");
                found += 1;
                if found == Self::MOST_RETURN_ADDRESSES {
                    break;
                }
            }
        }
    }

    /// Writes what has been collected.
    pub(crate) fn flush(&mut self) {
        signals::write_to_stderr(&self.buffer[..self.len]);
        self.len = 0;
    }
}
