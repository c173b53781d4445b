//! What the system is told about memory.

use crate::os;

/// Asks the system to have `memory` on huge pages, as far as whole ones fit in. To be called before there is anything in it:
/// what has its pages already keeps them.
///
/// Whoever reads a large table here and there waits for the page's place in memory as well as for the page, unless the
/// processor remembers it; of huge pages it has to remember fewer. The price is that the system clears a huge page as a whole
/// when its first byte is touched.
///
/// It is advice: where there are no huge pages, as for most settings of the system except for Linux with `always` or `madvise` in
/// `/sys/kernel/mm/transparent_hugepage/enabled`, nothing changes. An allocator that keeps freed memory keeps the advice with it.
///
/// ```
/// use fibra_system::memory::prefer_huge_pages;
///
/// let mut table = Box::<[u64]>::new_uninit_slice(1 << 20);
/// prefer_huge_pages(&mut table);
/// # table.fill(std::mem::MaybeUninit::new(0));
/// ```
pub fn prefer_huge_pages<T>(memory: &mut [T]) {
    let start = memory.as_mut_ptr().cast::<u8>();
    let last = (start as usize + size_of_val(memory)) / HUGE * HUGE;
    let skipped = start.align_offset(HUGE);
    let first = (start as usize).saturating_add(skipped);
    if first < last {
        os::prefer_huge_pages(start.wrapping_add(skipped), last - first);
    }
}

/// A huge page of x86-64, and of AArch64 with pages of 4 KiB, in bytes. Where they are larger, memory of this size gets none.
const HUGE: usize = 2 << 20;
