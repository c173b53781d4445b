//! What the system says about the address space.

use std::mem::MaybeUninit;
use windows_sys::Win32::System::Memory::{MEM_FREE, MEMORY_BASIC_INFORMATION, VirtualQuery};

/// The reservation that holds an address.
pub fn mapping_of(address: usize) -> Option<String> {
    let mut found = MaybeUninit::<MEMORY_BASIC_INFORMATION>::uninit();
    let size = size_of::<MEMORY_BASIC_INFORMATION>();
    let place = std::ptr::without_provenance(address);
    // SAFETY: the call writes the structure, wholly if it succeeds.
    let found = unsafe {
        assert_eq!(VirtualQuery(place, found.as_mut_ptr(), size), size);
        found.assume_init()
    };
    (found.State != MEM_FREE).then(|| format!("{:?}", found.AllocationBase))
}
