//! Stack memory on Unix: `mmap`, guards, and what the kernel says about pages.

use crate::GuardKind;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

/// `MADV_GUARD_INSTALL` of Linux 6.13; the libc crate doesn't name it on every target yet.
#[cfg(target_os = "linux")]
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// The smallest guard. C code doesn't touch the pages of a large frame in turn: it steps over a single page.
pub(crate) const LEAST_GUARD: usize = 16 * 1024;

/// Stacks are mostly never touched: don't let the kernel's accounting of promises count them.
#[cfg(any(target_os = "linux", target_os = "macos"))]
const MAPPING: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
/// FreeBSD counts them unless its administrator lets it, and knows no other way.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
const MAPPING: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

/// The size of a page in bytes: 16 KiB on ARM64 of Apple's.
pub(crate) fn page_size() -> usize {
    static PAGE_SIZE: OnceLock<usize> = OnceLock::new();
    *PAGE_SIZE.get_or_init(|| {
        // SAFETY: `sysconf` takes a plain number and touches no memory of ours.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size)
            .ok()
            .filter(|size| size.is_power_of_two())
            .expect("the kernel names its page size")
    })
}

/// Reserves `len` bytes that get memory when they are first touched, one small page at a time.
///
/// # Errors
///
/// The kernel's: `ENOMEM` where no address space, no mapping or no promise of memory is left.
pub(crate) fn reserve(len: usize) -> io::Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: an anonymous private mapping at an address that the kernel chooses overlaps nothing.
    let address = unsafe { libc::mmap(ptr::null_mut(), len, protection, MAPPING, -1, 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    refuse_huge_pages(address, len);
    Ok(NonNull::new(address.cast()).expect("the kernel doesn't choose address 0"))
}

/// A touched stack must cost one small page: a huge page would give 2 MiB to the first byte.
#[cfg(target_os = "linux")]
fn refuse_huge_pages(address: *mut libc::c_void, len: usize) {
    // SAFETY: the advice changes how the range is backed, not what it holds. It fails only on kernels built without
    // huge pages, where there is nothing to refuse.
    unsafe { libc::madvise(address, len, libc::MADV_NOHUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn refuse_huge_pages(_address: *mut libc::c_void, _len: usize) {}

/// Makes every touch of the `len` lowest bytes of a slot fault. The others are usable as they are.
///
/// # Safety
///
/// The range consists of whole pages of one reservation, and nothing in it is in use.
///
/// # Errors
///
/// The kernel's. `Install`: `EINVAL` before Linux 6.13 and on locked memory. `Protect`: `ENOMEM` when the process has
/// used up its mappings.
pub(crate) unsafe fn guard(kind: GuardKind, address: *mut u8, len: usize, _slot: usize) -> io::Result<()> {
    // SAFETY: the caller owns the range and gives up its contents.
    let status = unsafe {
        match kind {
            #[cfg(target_os = "linux")]
            GuardKind::Install => libc::madvise(address.cast(), len, MADV_GUARD_INSTALL),
            #[cfg(not(target_os = "linux"))]
            GuardKind::Install => return Err(io::Error::from_raw_os_error(libc::EINVAL)),
            GuardKind::Protect => libc::mprotect(address.cast(), len, libc::PROT_NONE),
            GuardKind::PageGuard => return Err(ErrorKind::Unsupported.into()),
        }
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The best way to make guards here. Tried out rather than looked up: kernels backport, sandboxes forbid.
pub(crate) fn default_guard() -> GuardKind {
    static DEFAULT: OnceLock<GuardKind> = OnceLock::new();
    *DEFAULT.get_or_init(|| match probe(GuardKind::Install) {
        Ok(()) => GuardKind::Install,
        Err(_) => GuardKind::Protect,
    })
}

/// Makes one guard of the kind for a moment.
///
/// # Errors
///
/// Why it can't be made.
pub(crate) fn probe(kind: GuardKind) -> io::Result<()> {
    let len = page_size();
    let address = reserve(len)?.as_ptr();
    // SAFETY: the page was reserved above, and nobody else knows it.
    let made = unsafe { guard(kind, address, len, len) };
    let made =
        made.and_then(|()| if is_untouchable(address) { Ok(()) } else { Err(ErrorKind::Unsupported.into()) });
    // SAFETY: as before; nothing refers to the page.
    unsafe { release(address, len) }?;
    made
}

/// Whether the kernel refuses to fill the page. Advice that isn't understood may be ignored with a good grace (emulators do
/// so), so the answer of `madvise` to a guard proves nothing. An ignored question proves nothing either, and counts as no.
#[cfg(target_os = "linux")]
fn is_untouchable(address: *mut u8) -> bool {
    // SAFETY: asks the kernel to give the caller's page memory, as a read would. On a guard it fails.
    let status = unsafe { libc::madvise(address.cast(), page_size(), libc::MADV_POPULATE_READ) };
    status == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
}

/// Elsewhere there is only `mprotect`, whose word is good.
#[cfg(not(target_os = "linux"))]
fn is_untouchable(_address: *mut u8) -> bool {
    true
}

/// Gives the memory of a range back and keeps its addresses.
///
/// # Safety
///
/// The range consists of whole pages of a reservation, and what they hold is of no use any more.
///
/// # Errors
///
/// The kernel's: `EINVAL` on locked memory.
#[cfg(target_os = "linux")]
pub(crate) unsafe fn discard(address: *mut u8, len: usize) -> io::Result<()> {
    // SAFETY: the caller gives up the contents; the range stays mapped.
    let status = unsafe { libc::madvise(address.cast(), len, libc::MADV_DONTNEED) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives the memory of a range back and keeps its addresses. Elsewhere advice does either less or nothing: pages may come back
/// with what they held. A new mapping in the place of the old one has none.
///
/// # Safety
///
/// The range consists of whole pages of a reservation without guards, and what they hold is of no use any more.
///
/// # Errors
///
/// The kernel's.
#[cfg(not(target_os = "linux"))]
pub(crate) unsafe fn discard(address: *mut u8, len: usize) -> io::Result<()> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the caller owns the range and gives up the contents; the new mapping covers nothing else.
    let mapped = unsafe { libc::mmap(address.cast(), len, protection, MAPPING | libc::MAP_FIXED, -1, 0) };
    if mapped == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Gives a range back.
///
/// # Safety
///
/// The range consists of whole pages of reservations, and nothing refers to it any more.
///
/// # Errors
///
/// The kernel's: `ENOMEM` if taking a piece out of a mapping would leave one mapping too many.
pub(crate) unsafe fn release(address: *mut u8, len: usize) -> io::Result<()> {
    // SAFETY: the caller vouches that nobody uses the range.
    let status = unsafe { libc::munmap(address.cast(), len) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The lowest page of the range that has memory, or `None` if none has.
///
/// # Errors
///
/// The kernel's: `ENOMEM` if a part of the range isn't mapped.
pub(crate) fn lowest_resident(range: Range<*mut u8>) -> io::Result<Option<*mut u8>> {
    const PAGES_AT_ONCE: usize = 1024;
    let page = page_size();
    // The type of `mincore`'s last argument differs between systems: a byte, signed or not.
    let mut residency = [0_u8; PAGES_AT_ONCE];
    let mut address = range.start;
    while address < range.end {
        let pages = (range.end.addr() - address.addr()).div_ceil(page).min(PAGES_AT_ONCE);
        // SAFETY: the kernel writes `pages` bytes, for which `residency` has room; it reads nothing of the range.
        let status = unsafe { libc::mincore(address.cast(), pages * page, residency.as_mut_ptr().cast()) };
        if status != 0 {
            return Err(io::Error::last_os_error());
        }
        if let Some(first) = residency[..pages].iter().position(|&page| page & 1 == 1) {
            return Ok(Some(address.wrapping_add(first * page)));
        }
        address = address.wrapping_add(pages * page);
    }
    Ok(None)
}

/// Asks the kernel whether this thread has a CET shadow stack. A kernel that doesn't know the question has none.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) fn shadow_stack_active() -> bool {
    const ARCH_SHSTK_STATUS: libc::c_ulong = 0x5005;
    const ARCH_SHSTK_SHSTK: u64 = 1;
    let mut features = 0_u64;
    // SAFETY: this request writes one u64 through the pointer, and does nothing else.
    let status = unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_SHSTK_STATUS, &raw mut features) };
    status == 0 && features & ARCH_SHSTK_SHSTK != 0
}

/// Asks the kernel whether this thread has a guarded control stack. A kernel that doesn't know the question has none.
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
pub(crate) fn shadow_stack_active() -> bool {
    const PR_GET_SHADOW_STACK_STATUS: libc::c_int = 74;
    const PR_SHADOW_STACK_ENABLE: u64 = 1;
    let mut status = 0_u64;
    // SAFETY: this request writes one u64 through the pointer, and does nothing else.
    let result = unsafe { libc::prctl(PR_GET_SHADOW_STACK_STATUS, &raw mut status, 0, 0, 0) };
    result == 0 && status & PR_SHADOW_STACK_ENABLE != 0
}

/// No other system gives shadow stacks to programs that don't ask for them.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(crate) fn shadow_stack_active() -> bool {
    false
}
