//! Which homes there are, by number.
//!
//! Who has something to give up that belongs to one worker, and is not there, finds the way by it. So nothing that belongs to a
//! worker has to count as one of its owners.

use super::Home;
use crate::primitive::unmodelled::{AtomicU64, Ordering::Relaxed};
use std::{
    collections::BTreeMap,
    num::NonZeroU64,
    sync::{Arc, PoisonError, RwLock, Weak},
};

/// The number of a home. None is given twice: who has one keeps nothing alive, and never means another home by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HomeId(NonZeroU64);

impl HomeId {
    pub(super) fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let last = LAST.fetch_add(1, Relaxed);
        Self(NonZeroU64::MIN.checked_add(last).expect("a process doesn't live that long"))
    }

    /// The number, which [`from_bits`](Self::from_bits) reads.
    #[inline]
    pub(crate) fn to_bits(self) -> u64 {
        self.0.get()
    }

    /// `None` for zero.
    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits).map(Self)
    }
}

static HOMES: RwLock<BTreeMap<HomeId, Weak<Home>>> = RwLock::new(BTreeMap::new());

pub(super) fn list(home: &Arc<Home>) {
    HOMES.write().unwrap_or_else(PoisonError::into_inner).insert(home.id(), Arc::downgrade(home));
}

pub(super) fn find(id: HomeId) -> Option<Arc<Home>> {
    HOMES.read().unwrap_or_else(PoisonError::into_inner).get(&id)?.upgrade()
}

pub(super) fn forget(id: HomeId) {
    HOMES.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
}
