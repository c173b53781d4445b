//! Eight bytes that say of each place of a bucket what is there, and are searched all at once.
//!
//! A loop over the places would end at another one each time, and the processor, which guesses where, would find out that it was
//! wrong only when the bucket has come from memory, and begin anew with all that it has begun meanwhile.

/// Places in a bucket: what a cache line has room for, beside the tags.
pub(super) const PLACES: usize = if cfg!(loom) { 2 } else { 7 };

/// The tag of a place in which there was never anything, at which a search ends.
const EMPTY: u8 = 0;
/// The tag of a place from which something was removed, and of bytes without a place.
const REMOVED: u8 = 1;

/// One in each byte, and the highest bit of each byte, which only the tags of entries have.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHEST: u64 = ONES << 7;
/// The highest bits of the bytes that have a place.
const PLACED: u64 = HIGHEST >> (8 * (8 - PLACES));

/// See the module. Byte `i`, counted from the lowest, is the tag of place `i`.
#[derive(Clone, Copy)]
pub(super) struct Tags(pub(super) u64);

impl Tags {
    /// Those of a bucket with nothing in it.
    pub(super) const NONE: Self = Self((ONES * REMOVED as u64) & !((1 << (8 * PLACES)) - 1));

    /// The tag of an entry: a part of its hash that says nothing about the bucket.
    pub(super) fn of(hash: u64) -> u8 {
        (hash >> 57) as u8 | 0x80
    }

    /// Places with this tag of an entry. There may be one among them with another entry, behind one with the tag.
    #[inline]
    pub(super) fn matching(self, tag: u8) -> Places {
        Places(zeros(self.0 ^ (ONES * u64::from(tag))))
    }

    /// Places with an entry.
    pub(super) fn taken(self) -> Places {
        Places(self.0 & PLACED)
    }

    /// Places without one.
    pub(super) fn free(self) -> Places {
        Places(!self.0 & PLACED)
    }

    /// Whether one place was never taken: so no entry had to go to another bucket since this one was full.
    #[inline]
    pub(super) fn have_room(self) -> bool {
        zeros(self.0) != 0
    }

    pub(super) fn with(self, place: usize, tag: u8) -> Self {
        let shift = 8 * place;
        Self(self.0 & !(0xff << shift) | u64::from(tag) << shift)
    }

    /// These without what is in that place. It counts as never taken if it wasn't the last one to be taken.
    pub(super) fn without(self, place: usize) -> Self {
        self.with(place, if self.have_room() { EMPTY } else { REMOVED })
    }

    pub(super) fn is_empty(self, place: usize) -> bool {
        (self.0 >> (8 * place)) as u8 == EMPTY
    }
}

/// The highest bit of each byte that is zero; perhaps also of one that is one, above a zero.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHEST
}

/// Some of a bucket's places, as the highest bits of their bytes.
pub(super) struct Places(u64);

impl Iterator for Places {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let first = self.0.trailing_zeros() as usize / 8;
        let is_one = self.0 != 0;
        self.0 &= self.0.wrapping_sub(1);
        is_one.then_some(first)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_where_they_were_put() {
        let mut tags = Tags::NONE;
        for place in 0..PLACES {
            assert!(tags.have_room());
            assert_eq!(tags.free().collect::<Vec<_>>(), (place..PLACES).collect::<Vec<_>>());
            tags = tags.with(place, Tags::of((place as u64) << 57));
            assert_eq!(tags.taken().collect::<Vec<_>>(), (0..=place).collect::<Vec<_>>());
        }
        assert!(!tags.have_room() && tags.free().next().is_none());
        for place in 0..PLACES {
            assert_eq!(tags.matching(Tags::of((place as u64) << 57)).next(), Some(place));
        }
        assert!(tags.matching(Tags::of(u64::MAX)).next().is_none());
    }

    #[test]
    fn a_match_is_a_place_with_an_entry() {
        for low in 0..=u16::MAX {
            let tags = Tags(Tags::NONE.0 | u64::from(low));
            for place in tags.matching(0x80) {
                assert!(tags.taken().any(|taken| taken == place), "{low:x} {place}");
            }
        }
    }

    #[test]
    fn a_bucket_that_was_full_has_no_room_again() {
        let full = (0..PLACES).fold(Tags::NONE, |tags, place| tags.with(place, 0x80));
        let emptied = (0..PLACES).fold(full, Tags::without);
        assert!(emptied.taken().next().is_none() && !emptied.have_room());
        assert_eq!(emptied.free().count(), PLACES);
        let one = Tags::NONE.with(0, 0x80);
        assert_eq!(one.without(0).0, Tags::NONE.0);
    }
}
