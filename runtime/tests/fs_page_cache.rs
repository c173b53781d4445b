//! A read of what is in the page cache costs no trip through the driver's queue, and is like any other in all else.
//!
//! Only Linux tells of its page cache.
#![cfg(unix)]
#![cfg(target_os = "linux")]

use fibra::{Builder, cancel::Cancelled, fs::File, sync::mpsc, thread};
use std::{
    fs,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

const PAGE: usize = 4096;
const READS: u64 = 1000;

/// A file on a disk, each of its pages full of its own number from 1 on; gone when the test is over.
struct Pages(PathBuf);

impl Pages {
    fn new(count: u8) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("fibra-pages-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let content: Vec<_> = (1..=count).flat_map(|number| [number; PAGE]).collect();
        fs::write(&path, content).expect("the target directory can be written to");
        Self(path)
    }

    fn evict(&self) {
        let file = fs::File::open(&self.0).unwrap();
        file.sync_all().unwrap();
        // SAFETY: takes no pointers.
        assert_eq!(unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) }, 0);
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        fs::remove_file(&self.0).expect("it is ours");
    }
}

/// How many system calls a runtime of one worker makes for `reads`.
fn enters_of(reads: impl FnOnce() + Send + 'static) -> u64 {
    let runtime = Builder::new().workers(1).build().unwrap();
    runtime.run(reads);
    // The counts are those of the last turn, and this is one.
    runtime.run(|| thread::sleep(std::time::Duration::from_millis(1)));
    let metrics = runtime.metrics().total();
    assert!(metrics.operations >= READS, "they count as operations");
    metrics.enters
}

#[test]
fn it_makes_no_enter_of_its_own() {
    let pages = Pages::new(4);
    let path = pages.0.clone();
    let by_thread = enters_of(move || {
        let file = File::open(path).unwrap();
        for _ in 0..READS {
            assert_eq!(file.read_at(&mut [0; 100], PAGE as u64).unwrap(), 100);
        }
    });
    let path = pages.0.clone();
    let by_future = enters_of(move || {
        let file = File::open(path).unwrap();
        fibra::wait(fibra::future::spawn(async move {
            for _ in 0..READS {
                assert_eq!(file.read_at_async(vec![0; 100], PAGE as u64).await.0.unwrap(), 100);
            }
        }))
        .unwrap();
    });
    for enters in [by_thread, by_future] {
        assert!(enters < READS / 4, "{enters} for {READS} reads");
    }
}

#[fibra::test(workers = 1)]
fn what_is_not_there_any_more_is_read_all_the_same() {
    let pages = Pages::new(200);
    let file = File::open(&pages.0).unwrap();
    let look = |page: u64| {
        let mut buffer = [0; PAGE];
        assert_eq!(file.read_at(&mut buffer, page * PAGE as u64).unwrap(), PAGE);
        assert_eq!(buffer, [page as u8 + 1; PAGE]);
        let (read, buffer) = fibra::wait(file.read_at_async(vec![0; PAGE], page * PAGE as u64));
        assert_eq!(read.unwrap(), PAGE);
        assert_eq!(buffer, [page as u8 + 1; PAGE]);
    };
    for round in 0..10 {
        (0..200).for_each(look);
        pages.evict();
        look(round * 17);
    }
}

#[fibra::test]
fn who_was_cancelled_reads_no_more() {
    let pages = Pages::new(1);
    let file = File::open(&pages.0).unwrap();
    let (sender, begun) = mpsc::channel();
    let reader = thread::spawn(move || {
        sender.send(()).unwrap();
        loop {
            let mut buffer = [0; PAGE];
            match file.read_at(&mut buffer, 0) {
                Ok(read) => assert!(read == PAGE && buffer == [1; PAGE]),
                Err(error) => return Cancelled::caused(&error),
            }
        }
    });
    // Who is cancelled before does not begin at all.
    begun.recv().unwrap();
    thread::sleep(std::time::Duration::from_millis(1));
    reader.cancel();
    assert!(reader.join().unwrap());
}
