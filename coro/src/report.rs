//! Text for a signal handler: a fixed buffer and `write(2)`.

use crate::StackBounds;
use crate::code_ranges;
use crate::os::signals::{self, Fault};
use crate::return_addresses::ReturnAddresses;

/// Collects text and writes it to standard error, without allocating.
pub(crate) struct Report {
    buffer: [u8; 512],
    len: usize,
}

impl Report {
    /// How many return addresses are printed: enough to show the cycle of a recursion.
    const MOST_RETURN_ADDRESSES: usize = 32;

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
        match code_ranges::offset_in_program(address) {
            Some(offset) => self.text("program+").hexadecimal(offset),
            None => self.hexadecimal(address),
        }
    }

    /// The first of the return addresses on a stack.
    ///
    /// # Safety
    ///
    /// As for [`ReturnAddresses::new`].
    pub(crate) unsafe fn return_addresses(&mut self, bounds: StackBounds, fault: &Fault) {
        // SAFETY: by contract.
        let addresses = unsafe { ReturnAddresses::new(bounds, fault.stack_pointer, fault.link) };
        for address in addresses.take(Self::MOST_RETURN_ADDRESSES) {
            self.text("    ").code(address).text("\n");
        }
    }

    /// Writes what has been collected.
    pub(crate) fn flush(&mut self) {
        signals::write_to_stderr(&self.buffer[..self.len]);
        self.len = 0;
    }
}
