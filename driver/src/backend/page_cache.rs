//! Reads of what is in the page cache, done at once.
//!
//! ```text
//!   a short read ─► preadv2, told not to wait ─► all bytes, or all up to the file's end ─► it is over
//!                           │
//!                           ├─► (some) bytes are not there ─► for the driver; the next reads are not tried at all
//!                           └─► the file has no such call  ─► for the driver, for ever
//! ```
//!
//! A ring makes the same attempt when it takes a read in. What is saved here is an enter and a switch of tasks, so this
//! pays for a read that would have them for itself. Among several, which share the enter, it would cost more than it saves.
//!
//! No such read waits for the disk. It may wait for memory, if the buffer that it fills was swapped out, and for room in
//! the disk's queue, if the kernel starts to read ahead: as an enter may.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use super::attempt::{bypasses_cache, kind};
use super::os::{RawFd, read_without_waiting};
use super::registrations::Kind;
use crate::op::Op;

/// What takes longer to copy would hold the others up, and saves little by comparison.
const LONGEST: usize = 16 * 1024;
/// How many reads of a handle are not tried after one that found its bytes missing.
const PAUSE: u8 = 32;

/// Whether a handle's reads can be expected to find their bytes in the page cache. Handles are shared: of two threads
/// that change this at once, either may be the last.
#[derive(Default)]
pub(crate) struct Prospect(AtomicU8);

/// Nobody has asked what the handle is.
const UNKNOWN: u8 = 0;
const GOOD: u8 = 1;
/// Nothing is cached, or the file has no call that does not wait. What lies below counts reads down to [`GOOD`].
const NONE: u8 = u8::MAX;

impl Prospect {
    #[inline]
    fn is_good(&self, has_cache: impl FnOnce() -> bool) -> bool {
        let next = match self.0.load(Ordering::Relaxed) {
            GOOD => return true,
            NONE => return false,
            UNKNOWN if has_cache() => GOOD,
            UNKNOWN => NONE,
            left => left - 1,
        };
        self.0.store(next, Ordering::Relaxed);
        next == GOOD
    }

    /// Learns from a read that has failed.
    fn learn(&self, error: &io::Error) {
        let next = match error.raw_os_error() {
            Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EPERM) => NONE,
            // Whatever else it may be, the driver will be told, too.
            _ => GOOD + PAUSE,
        };
        self.0.store(next, Ordering::Relaxed);
    }
}

/// Reads, if it is a read of a file at an offset, and all that it shall have is there. `None`: the operation is still to be
/// started, as if nothing had been. A file's own position would not allow that, so those reads are not tried.
///
/// # Safety
///
/// What the operation points to is valid, and its descriptor open, for the length of the call.
#[inline]
pub(crate) unsafe fn read(op: &Op) -> Option<u32> {
    let Op::Read { fd, buffer, len, offset } = *op else { return None };
    let start = offset.position()?;
    // SAFETY: the handle is alive by contract. A foreign descriptor has no place to remember anything.
    let prospect = unsafe { fd.registrations() }?.get_or_make().prospect();
    // An offset that the kernel would refuse is a negative number, which means something else to the call.
    let fits = len <= LONGEST && start <= i64::MAX as u64 - LONGEST as u64;
    if !fits || !prospect.is_good(|| kind(fd) == Kind::Disk && !bypasses_cache(fd)) {
        return None;
    }
    // SAFETY: the same contract.
    let result = unsafe {
        match read_without_waiting(fd.fd(), buffer, len, start) {
            Ok(count) if count == len => return Some(len as u32),
            Ok(count) => read_rest(fd.fd(), buffer, len, start, count),
            Err(error) => Err(error),
        }
    };
    result.inspect_err(|error| prospect.learn(error)).ok()
}

/// Goes on after a read that came short. It is over only if nothing follows: else some bytes were there, and some not, and
/// a read by the driver would have waited for those.
///
/// # Safety
///
/// As for [`read`].
#[cold]
unsafe fn read_rest(fd: RawFd, buffer: *mut u8, len: usize, start: u64, mut done: usize) -> io::Result<u32> {
    let mut last = done;
    while last > 0 && done < len {
        let (buffer, offset) = (buffer.wrapping_add(done), start + done as u64);
        // SAFETY: the same contract, for a part of the buffer.
        last = unsafe { read_without_waiting(fd, buffer, len - done, offset) }?;
        done += last;
    }
    Ok(done as u32)
}
