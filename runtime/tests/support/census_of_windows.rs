//! What this process has. Handles are looked for one by one: the call that knows their number knows nothing in Wine.
#![allow(dead_code, reason = "each test counts something else")]

use std::{
    mem::size_of,
    os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle},
    ptr,
};
use windows_sys::Win32::{
    Foundation::GetHandleInformation,
    System::{
        Diagnostics::ToolHelp::{
            CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
        },
        Memory::{MEM_FREE, MEMORY_BASIC_INFORMATION, VirtualQuery},
    },
};

/// After so many numbers that are no handle's there are no more: the smallest that is free is the next one's.
const GAP: usize = 4096;

/// How many handles are open.
pub fn descriptors() -> usize {
    let (mut open, mut place, mut last) = (0, 1, 0);
    while place < last + GAP {
        let mut flags = 0;
        // SAFETY: room for the flags. What is no handle is an error.
        if unsafe { GetHandleInformation(ptr::without_provenance_mut(4 * place), &raw mut flags) } != 0 {
            (open, last) = (open + 1, place);
        }
        place += 1;
    }
    open
}

/// How many threads there are.
pub fn threads() -> usize {
    let mut entry = THREADENTRY32 { dwSize: size_of::<THREADENTRY32>() as u32, ..Default::default() };
    // SAFETY: the list of all threads is new and nobody else's; the calls fill the entry, whose size they are told.
    unsafe {
        let list = OwnedHandle::from_raw_handle(CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0));
        let mut count = 0;
        let mut is_there = Thread32First(list.as_raw_handle(), &raw mut entry);
        while is_there != 0 {
            count += usize::from(entry.th32OwnerProcessID == std::process::id());
            is_there = Thread32Next(list.as_raw_handle(), &raw mut entry);
        }
        count
    }
}

/// The address space in use, in bytes.
pub fn mapped() -> usize {
    let (mut mapped, mut address) = (0, 0);
    loop {
        let mut region = MEMORY_BASIC_INFORMATION::default();
        let size = size_of::<MEMORY_BASIC_INFORMATION>();
        // SAFETY: the call fills the structure, if there is something at the address.
        if unsafe { VirtualQuery(ptr::without_provenance(address), &raw mut region, size) } == 0 {
            return mapped;
        }
        mapped += if region.State == MEM_FREE { 0 } else { region.RegionSize };
        address += region.RegionSize;
    }
}
