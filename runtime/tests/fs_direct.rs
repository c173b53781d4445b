//! Files are read and written past the page cache.

#![cfg(target_os = "linux")]

#[path = "support/everywhere.rs"]
mod callers;

use callers::everywhere;
use fibra::fs::OpenOptions;
use std::{
    fs,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

/// What the kernel demands of memory for direct I/O.
#[repr(align(4096))]
struct Block([u8; 4096]);

#[fibra::test]
fn files_without_the_page_cache_are_read_and_written() {
    everywhere(|| {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("fibra-direct-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // Not in the temporary directory, which may be in memory.
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .custom_flags(libc::O_DIRECT)
            .open(&path)
            .expect("the target directory's disk has direct I/O");
        let mut block = Block([7; 4096]);
        assert_eq!(file.write_at(&block.0, 4096).unwrap(), 4096);
        block.0.fill(0);
        assert_eq!(file.read_at(&mut block.0, 4096).unwrap(), 4096);
        assert!(block.0 == [7; 4096]);
        fs::remove_file(&path).unwrap();
    });
}
