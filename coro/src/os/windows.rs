//! Stack memory on Windows: reserved as a whole, committed by the system as the stack grows.
//!
//! ```text
//!   a slot, from its highest byte down
//!  ├──────────────┤
//!  │ committed    │    the first pages, from the beginning
//!  │              │ ◀─ the limit, in the thread's record of its stack (`arch/x86_64_windows.rs` carries it along)
//!  ├──────────────┤
//!  │ PAGE_GUARD   │    a touch commits the page below as the next guard, and moves the limit down
//!  ├──────────────┤
//!  │ reserved     │    a touch is an access violation: large frames touch page by page (`__chkstk`)
//!  ├──────────────┤ ◀─ the lowest byte of use
//!  │ guard        │    when it is reached, the system raises a stack overflow, and commits some of it for the handlers
//!  └──────────────┘
//! ```
//!
//! How much the system keeps for handlers is the thread's own affair (`SetThreadStackGuarantee`). The standard library asks
//! for 20 KiB; who asks for more than our guard holds, has that much less of each stack.

use crate::GuardKind;
use std::ffi::c_void;
use std::io::{self, ErrorKind};
use std::mem::{MaybeUninit, size_of};
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_DECOMMIT, MEM_RELEASE, MEM_RESERVE, MEMORY_BASIC_INFORMATION, PAGE_GUARD, PAGE_READWRITE,
    VirtualAlloc, VirtualFree, VirtualProtect, VirtualQuery,
};
use windows_sys::Win32::System::SystemInformation::GetSystemInfo;
use windows_sys::Win32::System::SystemServices::PROCESS_MITIGATION_USER_SHADOW_STACK_POLICY;
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetProcessMitigationPolicy, ProcessUserShadowStackPolicy,
};

/// The smallest guard: one page that stays out of reach, the 20 KiB that the standard library has the system keep for
/// handlers, and a page on which growing ends.
pub(crate) const LEAST_GUARD: usize = 32 * 1024;

/// How many pages of a slot are committed from the beginning: the one with the colour, and one more.
const FIRST_PAGES: usize = 2;

/// The size of a page in bytes.
pub(crate) fn page_size() -> usize {
    static PAGE_SIZE: OnceLock<usize> = OnceLock::new();
    *PAGE_SIZE.get_or_init(|| {
        let mut info = MaybeUninit::uninit();
        // SAFETY: the call fills the structure, and can't fail.
        let info = unsafe {
            GetSystemInfo(info.as_mut_ptr());
            info.assume_init()
        };
        info.dwPageSize as usize
    })
}

/// Reserves `len` bytes. [`guard`] makes them usable, slot by slot.
///
/// # Errors
///
/// The system's, where no address space is left.
pub(crate) fn reserve(len: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: fresh address space, that the system chooses.
    let address = unsafe { VirtualAlloc(ptr::null(), len, MEM_RESERVE, PAGE_READWRITE) };
    NonNull::new(address.cast()).ok_or_else(io::Error::last_os_error)
}

/// Makes a reserved slot of `len` bytes a stack: commits its highest pages and puts the guard below them that lets it grow.
/// The lowest bytes were never committed, which guards them.
///
/// # Safety
///
/// The slot consists of whole pages of one reservation, and nothing in it is in use.
///
/// # Errors
///
/// `Unsupported` for all kinds but `PageGuard`; the system's, if it can't promise that much memory.
pub(crate) unsafe fn guard(kind: GuardKind, slot: *mut u8, _guard: usize, len: usize) -> io::Result<()> {
    if kind != GuardKind::PageGuard {
        return Err(ErrorKind::Unsupported.into());
    }
    let page = page_size();
    let first = slot.wrapping_add(len - FIRST_PAGES * page);
    // SAFETY: the pages are the caller's, who gives up what they hold.
    unsafe {
        commit(first, FIRST_PAGES * page, PAGE_READWRITE)?;
        commit(first.wrapping_sub(page), page, PAGE_READWRITE | PAGE_GUARD)
    }
}

/// # Safety
///
/// The pages are reserved, and nothing in them is in use.
unsafe fn commit(address: *mut u8, len: usize, protection: u32) -> io::Result<()> {
    // SAFETY: the caller's promise.
    let committed = unsafe { VirtualAlloc(address.cast(), len, MEM_COMMIT, protection) };
    if committed.is_null() { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The only way to make guards here.
pub(crate) fn default_guard() -> GuardKind {
    GuardKind::PageGuard
}

/// Makes one guard of the kind for a moment.
///
/// # Errors
///
/// Why it can't be made.
pub(crate) fn probe(kind: GuardKind) -> io::Result<()> {
    let len = (FIRST_PAGES + 1) * page_size();
    let address = reserve(len)?.as_ptr();
    // SAFETY: the pages were reserved above, and nobody else knows them.
    let made = unsafe { guard(kind, address, 0, len) };
    // SAFETY: as before; nothing refers to them.
    unsafe { release(address, len) }?;
    made
}

/// Gives back what a stack has grown by, and clears the rest. The highest pages stay committed: getting them back could fail.
///
/// # Safety
///
/// The range is a slot without its guard, and what it holds is of no use any more.
///
/// # Errors
///
/// The system's: locked memory can't be given back.
pub(crate) unsafe fn discard(address: *mut u8, len: usize) -> io::Result<()> {
    let page = page_size();
    let end = address.wrapping_add(len);
    let first = end.wrapping_sub(FIRST_PAGES * page);
    if lowest_committed(address..end) != first {
        let guard = first.wrapping_sub(page);
        let mut previous = 0;
        // SAFETY: the caller gives up the contents. The page below the first ones is committed: the stack has grown past it.
        unsafe {
            check(VirtualProtect(guard.cast(), page, PAGE_READWRITE | PAGE_GUARD, &raw mut previous))?;
            check(VirtualFree(address.cast(), guard.addr() - address.addr(), MEM_DECOMMIT))?;
        }
    }
    // SAFETY: committed, and the caller's.
    unsafe { first.write_bytes(0, FIRST_PAGES * page) };
    Ok(())
}

/// Gives a reservation back.
///
/// # Safety
///
/// The range is a whole reservation, and nothing refers to it any more.
///
/// # Errors
///
/// The system's.
pub(crate) unsafe fn release(address: *mut u8, _len: usize) -> io::Result<()> {
    // SAFETY: the caller vouches that nobody uses the range, and that it starts where a reservation does.
    check(unsafe { VirtualFree(address.cast(), 0, MEM_RELEASE) })
}

fn check(status: i32) -> io::Result<()> {
    if status == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn query(address: *const u8) -> io::Result<MEMORY_BASIC_INFORMATION> {
    let mut found = MaybeUninit::<MEMORY_BASIC_INFORMATION>::uninit();
    let size = size_of::<MEMORY_BASIC_INFORMATION>();
    // SAFETY: the call writes the structure, wholly if it succeeds, and reads nothing at the address.
    let written = unsafe { VirtualQuery(address.cast::<c_void>(), found.as_mut_ptr(), size) };
    // SAFETY: so it did.
    if written == size { Ok(unsafe { found.assume_init() }) } else { Err(io::Error::last_os_error()) }
}

/// Where the committed part of a stack begins that has grown down from `range.end`, the top, and not below `range.start`.
///
/// A stack that is used again must start with this as its limit. A higher one, and exceptions would be refused on what
/// lies below; a lower one, and large frames would skip the guard.
pub(crate) fn lowest_committed(range: Range<*mut u8>) -> *mut u8 {
    let page = page_size();
    let first = first_pages(range.end);
    let mut address = first.wrapping_sub(page);
    let is_guard = |found: &MEMORY_BASIC_INFORMATION| found.Protect & PAGE_GUARD != 0;
    if query(address).is_ok_and(|found| is_guard(&found)) {
        return first;
    }
    address = range.start;
    while address < first {
        // The range is reserved, so the question can't fail.
        let Ok(found) = query(address) else { return first };
        if found.State == MEM_COMMIT && !is_guard(&found) {
            return address;
        }
        address = found.BaseAddress.cast::<u8>().wrapping_add(found.RegionSize);
    }
    first
}

/// The pages that a stack with this top has from the beginning. A colour is less than a page.
fn first_pages(top: *mut u8) -> *mut u8 {
    let page = page_size();
    top.with_addr(top.addr().next_multiple_of(page)).wrapping_sub(FIRST_PAGES * page)
}

/// The lowest page of a stack that has been used, or `None`. What it has grown by counts as used, and of the pages that it
/// has from the beginning those that aren't clear.
///
/// # Errors
///
/// None here.
pub(crate) fn lowest_resident(range: Range<*mut u8>) -> io::Result<Option<*mut u8>> {
    let first = first_pages(range.end);
    let lowest = lowest_committed(range.clone());
    if lowest != first {
        return Ok(Some(lowest));
    }
    let page = page_size();
    let is_used = |address: &*mut u8| {
        let words = page.min(range.end.addr() - address.addr()) / size_of::<usize>();
        // SAFETY: committed, and read as numbers that somebody else may write meanwhile.
        (0..words).any(|index| unsafe { address.cast::<usize>().add(index).read_volatile() } != 0)
    };
    let mut pages = (0..FIRST_PAGES).map(|index| first.wrapping_add(index * page));
    Ok(pages.find(|address| *address < range.end && is_used(address)))
}

/// Asks the system whether the process runs under CET shadow stacks. One that doesn't know the question has none.
pub(crate) fn shadow_stack_active() -> bool {
    /// `EnableUserShadowStack`
    const ENABLED: u32 = 1;
    let mut policy = PROCESS_MITIGATION_USER_SHADOW_STACK_POLICY::default();
    // SAFETY: the call writes the structure if it succeeds; all of its bits are one number.
    unsafe {
        let size = size_of::<PROCESS_MITIGATION_USER_SHADOW_STACK_POLICY>();
        let place = (&raw mut policy).cast();
        GetProcessMitigationPolicy(GetCurrentProcess(), ProcessUserShadowStackPolicy, place, size) != 0
            && policy.Anonymous.Flags & ENABLED != 0
    }
}
