//! Return addresses on a stack, found without unwind tables.
//!
//! A signal handler may not read those: finding them takes the loader's lock. So the stack is searched: every word that
//! points behind a call instruction was, most likely, put there by that call. Calls that have returned leave such words too,
//! where nobody has written since: what is found are the callers, and perhaps some more.
//!
//! On machines whose calls leave the address in a register, a function that calls nothing never puts it on the stack: the
//! register comes first.

use crate::StackBounds;
use crate::arch;
use crate::code_ranges::{self, CodeRange};
use std::mem;

/// See the module. Innermost first.
pub(crate) struct ReturnAddresses {
    /// What the register has; 0 if there is none, or once it was told.
    link: usize,
    /// It was told: the function may have put it on the stack, too.
    told: usize,
    next: *const usize,
    words: usize,
}

impl ReturnAddresses {
    /// How far up the stack they are looked for, in bytes.
    const SEARCHED_BYTES: usize = 64 * 1024;

    /// # Safety
    ///
    /// The stack is mapped from its limit to its top for as long as this is used, and nobody writes there meanwhile.
    pub(crate) unsafe fn new(bounds: StackBounds, stack_pointer: usize, link: usize) -> ReturnAddresses {
        let start =
            stack_pointer.clamp(bounds.limit.addr(), bounds.top.addr()).next_multiple_of(size_of::<usize>());
        let end = bounds.top.addr().min(start.saturating_add(Self::SEARCHED_BYTES));
        let words = end.saturating_sub(start) / size_of::<usize>();
        ReturnAddresses { link, told: 0, next: bounds.top.with_addr(start).cast(), words }
    }
}

impl Iterator for ReturnAddresses {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let link = mem::take(&mut self.link);
        if is_return_address(link) {
            self.told = link;
            return Some(link);
        }
        while self.words > 0 {
            // SAFETY: between `limit` and `top`, and aligned: `new` has counted the words, whose memory is its caller's word.
            let word = unsafe { self.next.read_volatile() };
            self.next = self.next.wrapping_add(1);
            self.words -= 1;
            if is_return_address(word) && mem::take(&mut self.told) != word {
                return Some(word);
            }
        }
        None
    }
}

/// Whether an address is one that a call would return to.
fn is_return_address(address: usize) -> bool {
    let Some(range) = code_ranges::all().iter().find(|range| range.contains(address)) else {
        return false;
    };
    code_before(range, address).is_none_or(|code| arch::ends_with_call(&code))
}

/// The bytes of code before an address, if the code can be read; zeros for what lies before its start.
fn code_before(range: &CodeRange, address: usize) -> Option<[u8; arch::LONGEST_CALL]> {
    let mut code = [0; arch::LONGEST_CALL];
    let readable = arch::LONGEST_CALL.min(address - range.readable_start()?);
    for (place, byte) in code.iter_mut().rev().take(readable).enumerate() {
        let source = std::ptr::with_exposed_provenance::<u8>(address - 1 - place);
        // SAFETY: it lies in a segment of code that the loader has mapped readable; objects with code that were loaded when
        // the handlers were installed stay loaded, as everything else here assumes.
        *byte = unsafe { source.read_volatile() };
    }
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn addresses_here(link: usize) -> Vec<usize> {
        // Two words of a stack of our own making: the start of a function, which is no return address, and a real one.
        let mut words = [addresses_here as *const () as usize, 0, 0, 0];
        words[2] = return_address_of_a_call();
        let limit = words.as_mut_ptr().cast::<u8>();
        let top = limit.wrapping_add(size_of_val(&words));
        let bounds = StackBounds { top, limit, guard: limit, size: size_of_val(&words) };
        // SAFETY: the words outlive the search.
        unsafe { ReturnAddresses::new(bounds, limit.addr(), link) }.collect()
    }

    /// Some address behind a call: found by a search of the real stack, from here up.
    #[inline(never)]
    fn return_address_of_a_call() -> usize {
        let here = 0_usize;
        let limit = (&raw const here).cast::<u8>().cast_mut();
        let bounds = StackBounds { top: limit.wrapping_add(4096), limit, guard: limit, size: 4096 };
        // SAFETY: a test's thread has called more than a page of frames by now.
        unsafe { ReturnAddresses::new(bounds, limit.addr(), 0) }.next().expect("somebody has called us")
    }

    #[test]
    fn only_what_follows_a_call_is_found() {
        let found = addresses_here(0);
        assert_eq!(found.len(), 1, "{found:x?}");
        assert_ne!(found[0], addresses_here as *const () as usize);
    }

    #[test]
    fn what_a_register_has_comes_first_and_is_told_once() {
        let on_stack = addresses_here(0)[0];
        assert_eq!(addresses_here(on_stack), [on_stack], "the function has stored it already");
        let elsewhere = return_address_of_a_call();
        let found = addresses_here(elsewhere);
        assert_eq!(found[0], elsewhere);
        assert_eq!(addresses_here(addresses_here as *const () as usize), [on_stack], "no call returns there");
    }
}
