//! What is in the page cache is read at once; what is not there, or not all of it, is left to the driver.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use fibra_driver::{BackendKind, Handle, Offset, Op, Target};

use crate::rig::{Rig, kernel};
use crate::seccomp::Refusal;

const PAGE: usize = 4096;

/// A file on a disk, each of its pages full of its own number from 1 on; gone when the test is over.
struct Pages(PathBuf);

impl Pages {
    fn new(len: usize) -> Pages {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("fibra-driver-pages-{}-{number}", std::process::id());
        // Not the temporary directory, which may be in memory, where there is nothing to miss.
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let content: Vec<_> = (0..len).map(|place| (place / PAGE) as u8 + 1).collect();
        let mut file = File::create(&path).expect("the target directory can be written to");
        file.write_all(&content).expect("there is room");
        file.sync_all().expect("it can be synced");
        Pages(path)
    }

    fn open(&self, flags: i32) -> Handle {
        let file = File::options().read(true).custom_flags(flags).open(&self.0);
        Handle::new(file.expect("the file can be opened").into())
    }

    /// A handle, and none of the pages in the page cache. From now on only what is asked for is read.
    fn open_evicted(&self) -> Handle {
        let file = self.open(0);
        advise(&file, libc::POSIX_FADV_RANDOM);
        evict(&file);
        file
    }
}

fn advise(file: &Handle, advice: i32) {
    // SAFETY: takes no pointers.
    assert_eq!(unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, advice) }, 0);
}

/// Takes the file's pages out of the page cache.
fn evict(file: &Handle) {
    // The kernel leaves a page that somebody else holds for a moment, such as the disk or a processor's list.
    while resident(file.as_raw_fd()) > 0 {
        advise(file, libc::POSIX_FADV_DONTNEED);
    }
}

/// How many of the first eight pages are in the page cache.
fn resident(file: RawFd) -> usize {
    const LEN: usize = 8 * PAGE;
    let mut pages = [0u8; 8];
    // SAFETY: a mapping of our own, at an address that the kernel chooses, which nobody touches; there is a byte for each of
    // its pages; and it is unmapped once.
    unsafe {
        let address = libc::mmap(ptr::null_mut(), LEN, libc::PROT_READ, libc::MAP_SHARED, file, 0);
        assert_ne!(address, libc::MAP_FAILED);
        assert_eq!(libc::mincore(address, LEN, pages.as_mut_ptr()), 0);
        assert_eq!(libc::munmap(address, LEN), 0);
    }
    pages.iter().filter(|&&page| page & 1 == 1).count()
}

impl Drop for Pages {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Memory that `O_DIRECT` takes.
#[repr(align(4096))]
struct Buffer([u8; 8 * PAGE]);

impl Buffer {
    fn new() -> Buffer {
        Buffer([0; 8 * PAGE])
    }

    fn read(&mut self, fd: Target, len: usize, offset: Offset) -> Op {
        self.0.fill(0);
        Op::Read { fd, buffer: self.0.as_mut_ptr(), len, offset }
    }

    /// Whether it begins with `len` bytes of the file's, from `offset` on, and has nothing else.
    fn holds(&self, len: usize, offset: usize) -> bool {
        let is_right = |(place, &byte): (usize, &u8)| byte == ((offset + place) / PAGE) as u8 + 1;
        self.0[..len].iter().enumerate().all(is_right) && self.0[len..].iter().all(|&byte| byte == 0)
    }
}

fn try_cache(rig: &mut Rig, op: Op) -> Option<u32> {
    // SAFETY: the tests keep the buffer and the handle.
    unsafe { rig.driver.read_cached(&op) }
}

/// What a look into the page cache finds, if `count` bytes are there.
fn found(rig: &Rig, count: usize) -> Option<u32> {
    rig.reads_cache().then_some(count as u32)
}

/// Reads of the fourth page that may not wait are told that it is not in the page cache.
const MISS: Refusal = {
    const OFFSET: u32 = 3;
    const FLAGS: u32 = 5;
    Refusal {
        number: libc::SYS_preadv2,
        only: &[(OFFSET, 3 * PAGE as u32), (FLAGS, libc::RWF_NOWAIT as u32)],
        errno: libc::EAGAIN,
    }
};

#[test]
fn a_miss_is_left_to_the_driver_and_so_are_some_reads_after_it() {
    for kind in [BackendKind::IoUring, BackendKind::Epoll] {
        MISS.during(move || {
            let rig = &mut Rig::new(kind);
            let file = Pages::new(8 * PAGE).open(0);
            let mut buffer = Buffer::new();
            let missed = buffer.read(file.target(), PAGE, Offset::at(3 * PAGE as u64));
            assert_eq!(try_cache(rig, missed), None);
            assert_eq!(rig.run(missed).expect("it is there"), PAGE as u32);
            assert!(buffer.holds(PAGE, 3 * PAGE));
            // Who has missed does not miss again and again, and one day looks again.
            let cached = buffer.read(file.target(), PAGE, Offset::at(0));
            let untried = (0..1000).take_while(|_| try_cache(rig, cached).is_none()).count();
            assert!((1..1000).contains(&untried), "{untried} reads were not tried");
            assert!(buffer.holds(PAGE, 0));
            assert_eq!(try_cache(rig, cached), Some(PAGE as u32));
        });
    }
}

promises! {
    fn what_is_in_the_page_cache_is_read_at_once(rig) {
        let file = Pages::new(8 * PAGE).open(0);
        let mut buffer = Buffer::new();
        for (len, offset) in [(PAGE, 0), (100, 3 * PAGE), (3 * PAGE, 2 * PAGE + 50), (0, 7)] {
            let op = buffer.read(file.target(), len, Offset::at(offset as u64));
            assert_eq!(try_cache(rig, op), found(rig, len));
            assert!(buffer.holds(len, offset) || !rig.reads_cache());
        }
        let stats = rig.driver.stats();
        let tried = if rig.reads_cache() { 4 } else { 0 };
        assert_eq!((stats.operations, stats.inline, stats.enters), (tried, tried, 0));
        rig.assert_idle();
    }

    fn a_cached_read_is_short_only_at_the_end(rig) {
        let file = Pages::new(PAGE + 100).open(0);
        let mut buffer = Buffer::new();
        for (offset, rest) in [(0, PAGE + 100), (PAGE, 100), (PAGE + 99, 1), (PAGE + 100, 0), (9 * PAGE, 0)] {
            let op = buffer.read(file.target(), 2 * PAGE, Offset::at(offset as u64));
            // Older kernels look for the page that would be past the end, and miss it.
            let tried = try_cache(rig, op);
            let may_miss = rest == 0 && kernel() < (5, 19);
            assert!(tried == found(rig, rest) || (tried.is_none() && may_miss), "{tried:?} of {rest}");
            let read = tried.unwrap_or_else(|| rig.run(op).expect("the end is no error"));
            assert_eq!(read, rest as u32);
            assert!(buffer.holds(rest, offset));
        }
    }

    fn what_is_not_in_the_page_cache_is_read_all_the_same(rig) {
        let pages = Pages::new(8 * PAGE);
        let file = pages.open_evicted();
        let mut buffer = Buffer::new();
        let op = buffer.read(file.target(), PAGE, Offset::at(3 * PAGE as u64));
        // The miss has the page read, and a quick disk has it there before the call that has missed looks again.
        let tried = try_cache(rig, op);
        assert!(tried.is_none_or(|count| count == PAGE as u32 && buffer.holds(PAGE, 3 * PAGE)), "{tried:?}");
        assert_eq!(rig.run(op).expect("it is there"), PAGE as u32);
        assert!(buffer.holds(PAGE, 3 * PAGE));
    }

    fn a_part_that_is_in_the_page_cache_is_not_taken_for_the_whole(rig) {
        let pages = Pages::new(8 * PAGE);
        let file = pages.open_evicted();
        let mut buffer = Buffer::new();
        let first = buffer.read(file.target(), PAGE, Offset::at(0));
        assert_eq!(rig.run(first).expect("it is there"), PAGE as u32);
        let three = buffer.read(file.target(), 3 * PAGE, Offset::at(0));
        // The miss may have the rest read ahead, and a quick disk has it there before the second look.
        let tried = try_cache(rig, three);
        assert!(tried.is_none_or(|count| count == 3 * PAGE as u32 && buffer.holds(3 * PAGE, 0)), "{tried:?}");
        // Where the driver has no better means it may tell of the part itself, as reads may.
        let read = rig.run(three).expect("it is there") as usize;
        assert!(read == 3 * PAGE || !rig.is_ring());
        assert!(buffer.holds(read, 0));
    }

    fn a_read_past_the_page_cache_is_not_tried(rig) {
        let pages = Pages::new(8 * PAGE);
        let file = pages.open(libc::O_DIRECT);
        let mut buffer = Buffer::new();
        let op = buffer.read(file.target(), PAGE, Offset::at(PAGE as u64));
        assert_eq!(try_cache(rig, op), None);
        assert!(buffer.0.iter().all(|&byte| byte == 0));
        assert_eq!(rig.run(op).expect("it is there"), PAGE as u32);
        assert!(buffer.holds(PAGE, PAGE));
    }

    fn only_short_reads_of_files_at_an_offset_are_tried(rig) {
        let pages = Pages::new(8 * PAGE);
        let file = pages.open(0);
        let mut buffer = Buffer::new();
        // A part of it could not be taken back; it would hold others up; nobody would remember what it is.
        let position = buffer.read(file.target(), PAGE, Offset::CURRENT);
        let long = buffer.read(file.target(), 8 * PAGE, Offset::at(0));
        let foreign = buffer.read(Target::foreign(file.as_raw_fd()), PAGE, Offset::at(0));
        let slice = libc::iovec { iov_base: buffer.0.as_mut_ptr().cast(), iov_len: PAGE };
        let slices = [slice].as_mut_ptr();
        let vectored = Op::ReadVectored { fd: file.target(), slices, count: 1, offset: Offset::at(0) };
        // What the kernel refuses is nothing else in disguise.
        let beyond = buffer.read(file.target(), PAGE, Offset::at(u64::MAX - 1));
        for op in [position, long, foreign, vectored, beyond] {
            assert_eq!(try_cache(rig, op), None, "{op:?}");
        }
        assert!(buffer.0.iter().all(|&byte| byte == 0));
        assert_eq!(rig.driver.stats().operations, 0);
    }

    fn a_stream_is_not_tried(rig) {
        let mut ends = [0; 2];
        // SAFETY: there is room for two descriptors.
        assert_eq!(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
        // SAFETY: both are new, and nobody else's.
        let [reader, writer] = ends.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        let (reader, mut writer) = (Handle::new(reader), File::from(writer));
        writer.write_all(&[1; 100]).expect("there is room");
        let (socket, mut peer) = crate::net::pair();
        peer.write_all(&[1; 100]).expect("there is room");
        let zeros = Handle::new(File::open("/dev/zero").expect("each system has it").into());
        let mut buffer = Buffer::new();
        let op = buffer.read(zeros.target(), 100, Offset::at(0));
        assert_eq!(try_cache(rig, op), None);
        for fd in [reader.target(), socket.target()] {
            for offset in [Offset::at(0), Offset::CURRENT] {
                let op = buffer.read(fd, 100, offset);
                assert_eq!(try_cache(rig, op), None);
            }
            let op = buffer.read(fd, 100, Offset::CURRENT);
            assert_eq!(rig.run(op).expect("it is there"), 100);
            assert!(buffer.holds(100, 0));
        }
    }

    fn a_read_goes_with_what_is_queued(rig) {
        let pages = Pages::new(PAGE);
        let file = pages.open(0);
        let (mut buffer, mut other) = (Buffer::new(), Buffer::new());
        let queued = rig.start(other.read(file.target(), PAGE, Offset::at(0)));
        let op = buffer.read(file.target(), PAGE, Offset::at(0));
        let expected = if rig.is_ring() { None } else { found(rig, PAGE) };
        assert_eq!(try_cache(rig, op), expected);
        assert_eq!(rig.finish(queued).expect("it is there"), PAGE as u32);
        assert_eq!(try_cache(rig, op), found(rig, PAGE), "once the queue is empty");
        assert!(other.holds(PAGE, 0) && (buffer.holds(PAGE, 0) || !rig.reads_cache()));
    }
}
