//! Where a stack was cut from, in one word: a [`Stack`](crate::Stack) is handed around on every spawn and every end of a
//! task, and two words travel in one register.

use crate::size_class::SizeClass;

/// Pool, size class, slab and index:
///
/// ```text
///  63        35 34     30 29          6 5     0
///  ┌───────────┬─────────┬─────────────┬───────┐
///  │ pool      │ class   │ slab        │ index │
///  └───────────┴─────────┴─────────────┴───────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin(u64);

const INDEX_BITS: u32 = 6;
const SLAB_BITS: u32 = 24;
const CLASS_BITS: u32 = 5;
const POOL_BITS: u32 = 29;

const SLAB_SHIFT: u32 = INDEX_BITS;
const CLASS_SHIFT: u32 = SLAB_SHIFT + SLAB_BITS;
const POOL_SHIFT: u32 = CLASS_SHIFT + CLASS_BITS;

const _: () = assert!(POOL_SHIFT + POOL_BITS == u64::BITS);

/// The number of a pool. No two pools of a process have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolId(u32);

impl PoolId {
    /// How many there are.
    pub(crate) const COUNT: u32 = 1 << POOL_BITS;

    pub(crate) fn new(number: u32) -> PoolId {
        assert!(number < Self::COUNT, "pools are numbered, and all numbers are used up");
        PoolId(number)
    }
}

impl Origin {
    /// How many slabs a pool can have of one class: enough for more stacks than any address space holds.
    pub(crate) const MOST_SLABS: usize = 1 << SLAB_BITS;

    /// `slab` is below [`Self::MOST_SLABS`], and `index` below 64.
    pub(crate) fn new(pool: PoolId, class: SizeClass, slab: u32, index: u8) -> Origin {
        debug_assert!((slab as usize) < Self::MOST_SLABS && u32::from(index) < 1 << INDEX_BITS);
        let (pool, class, slab) = (u64::from(pool.0), u64::from(class.number()), u64::from(slab));
        Origin(pool << POOL_SHIFT | class << CLASS_SHIFT | slab << SLAB_SHIFT | u64::from(index))
    }

    #[inline]
    pub(crate) fn pool(self) -> PoolId {
        PoolId((self.0 >> POOL_SHIFT) as u32)
    }

    #[inline]
    pub(crate) fn class(self) -> SizeClass {
        SizeClass::from_number((self.0 >> CLASS_SHIFT) as u8 & ((1 << CLASS_BITS) - 1))
    }

    #[inline]
    pub(crate) fn slab(self) -> usize {
        (self.0 >> SLAB_SHIFT) as usize & (Self::MOST_SLABS - 1)
    }

    #[inline]
    pub(crate) fn index(self) -> u8 {
        self.0 as u8 & ((1 << INDEX_BITS) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_read_back_as_it_was_written() {
        for pool in [0, 1, PoolId::COUNT - 1] {
            for class in SizeClass::all() {
                for slab in [0, 1, Origin::MOST_SLABS as u32 - 1] {
                    for index in [0, 1, 63] {
                        let pool = PoolId::new(pool);
                        let origin = Origin::new(pool, class, slab, index);
                        assert_eq!(origin.pool(), pool);
                        assert_eq!(origin.class(), class);
                        assert_eq!(origin.slab(), slab as usize);
                        assert_eq!(origin.index(), index);
                    }
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "all numbers are used up")]
    fn numbers_of_pools_do_not_wrap_around() {
        PoolId::new(PoolId::COUNT);
    }
}
