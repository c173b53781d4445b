//! Paths for tests of files, and what does something with a file.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use fibra_driver::{Handle, Offset, Op};

/// A path that is gone when the test is over.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Scratch {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Scratch(std::env::temp_dir().join(format!("fibra-driver-{}-{number}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        let _ = fs::remove_file(&self.0);
    }
}

pub fn write(file: &Handle, data: &[u8], offset: Offset) -> Op {
    Op::Write { fd: file.target(), buffer: data.as_ptr(), len: data.len(), offset }
}

pub fn read(file: &Handle, data: &mut [u8], offset: Offset) -> Op {
    Op::Read { fd: file.target(), buffer: data.as_mut_ptr(), len: data.len(), offset }
}
