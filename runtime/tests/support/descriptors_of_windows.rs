//! Handles are limited by memory alone, and counted one by one: the call that knows their number knows nothing in Wine.

use std::ptr;
use windows_sys::Win32::Foundation::GetHandleInformation;

/// How many are open.
#[allow(dead_code, reason = "not every test counts")]
pub fn open() -> usize {
    // Each is a multiple of four, and the smallest that is free is the next.
    let (mut open, mut number, mut last) = (0, 4, 0);
    while number < last + 16_384 {
        let mut flags = 0;
        // SAFETY: room for the flags. What is no handle is an error.
        if unsafe { GetHandleInformation(ptr::without_provenance_mut(number), &raw mut flags) } != 0 {
            (open, last) = (open + 1, number);
        }
        number += 4;
    }
    open
}

#[allow(dead_code, reason = "not every test has many")]
pub fn allow(_wanted: u64) {}
