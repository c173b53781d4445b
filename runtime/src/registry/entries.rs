//! Memory for entries: side by side, as many as there ever were at once.
//!
//! One by one from the allocator, they'd lie twice as far apart, for the sake of their alignment; and a lookup in a large table waits
//! for the memory that says where its page is as well as for the page. So it matters on how many pages they lie, and that a large
//! chunk has huge ones.

use fibra_system::memory::prefer_huge_pages;
use std::mem::MaybeUninit;

/// Entries of the first chunk, and of the largest. Each chunk is twice as long as the one before.
const FIRST: usize = 8;
const LARGEST: usize = 1 << 18;

/// See the module. What is in a place is taken out before the end of this, or is not dropped.
pub(super) struct Entries<E> {
    chunks: Vec<Box<[MaybeUninit<E>]>>,
    /// Places of the last chunk that were taken.
    taken: usize,
    /// Places that were given back.
    free: Vec<*mut E>,
}

// SAFETY: it has memory, and nothing that is in it.
unsafe impl<E> Send for Entries<E> {}

impl<E> Entries<E> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), taken: 0, free: Vec::new() }
    }

    /// A place with `entry` in it: until it is given back, or until the end of this.
    pub(super) fn put(&mut self, entry: E) -> *mut E {
        let place = self.free.pop().unwrap_or_else(|| self.next());
        // SAFETY: a place of a chunk, in which nothing is.
        unsafe { place.write(entry) };
        place
    }

    fn next(&mut self) -> *mut E {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == self.taken) {
            let size = self.chunks.last().map_or(FIRST, |chunk| (2 * chunk.len()).min(LARGEST));
            let mut chunk = Box::new_uninit_slice(size);
            prefer_huge_pages(&mut chunk);
            self.chunks.push(chunk);
            self.taken = 0;
        }
        let chunk = self.chunks.last_mut().expect("there is one now");
        self.taken += 1;
        // SAFETY: it's within the chunk, as was found above.
        unsafe { chunk.as_mut_ptr().add(self.taken - 1).cast() }
    }

    /// Takes out what is in a place, which is free again.
    ///
    /// # Safety
    ///
    /// It's from [`put`](Self::put), nothing was taken out since, and nobody refers to what is in it.
    pub(super) unsafe fn take(&mut self, place: *mut E) -> E {
        self.free.push(place);
        // SAFETY: by contract there is an entry, and from here on nobody takes it for one.
        unsafe { place.read() }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn places_lie_side_by_side_and_are_taken_again() {
        const COUNT: usize = 2 * LARGEST + LARGEST / 2;
        let mut entries = Entries::new();
        let places: Vec<_> = (0..COUNT).map(|number| entries.put(number)).collect();
        let apart = places.windows(2).filter(|two| two[0].wrapping_add(1) != two[1]).count();
        let doublings = (LARGEST / FIRST).ilog2() as usize;
        assert!(apart <= doublings + 2, "{apart}");
        // SAFETY: each is ours, and filled.
        assert!(places.iter().enumerate().all(|(number, place)| unsafe { **place } == number));
        let chunks = entries.chunks.len();
        // SAFETY: as above, and once.
        assert!(places.iter().enumerate().all(|(number, place)| unsafe { entries.take(*place) } == number));
        let again: HashSet<_> = (0..places.len()).map(|number| entries.put(number)).collect();
        assert_eq!(again, places.into_iter().collect());
        assert_eq!(entries.chunks.len(), chunks);
    }
}
