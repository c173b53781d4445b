//! What this process has, as `/proc` tells.
#![allow(dead_code, reason = "each test counts something else")]

use std::fs;

/// How many descriptors are open.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("it is mounted").count()
}

/// How many threads there are.
pub fn threads() -> usize {
    fs::read_dir("/proc/self/task").expect("it is mounted").count()
}

/// The address space in use, in bytes.
pub fn mapped() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("it is mounted");
    pages.split(' ').next().and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}
