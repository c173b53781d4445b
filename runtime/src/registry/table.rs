//! Names and what they stand for: a hash table whose readers never wait for anybody.
//!
//! ```text
//!   Table ── slots ──▶ [ tag, ─┐ ][ empty ][ removed ][ tag, ─┐ ]     words; a power of two of them, at most ¾ in use
//!            writer            ▼                              ▼
//!            (a lock)        Entry { hash, name, value }    Entry { hash, name, value }     a cache line each
//! ```
//!
//! Open addressing with linear probing: a lookup goes on from the slot that its hash names to the first empty one. It reads two
//! places in memory, the slot and the entry, where a map of `String`s reads three. A tag of six bits of the hash, in those bits of
//! an entry's address that its alignment leaves unused, keeps it from looking at others' entries.
//!
//! **Readers** pin the current epoch of `crossbeam-epoch`, which promises that nothing that they can reach is freed meanwhile, and
//! then only load. They write nothing, and nothing that a writer does makes them wait.
//!
//! **Writers** take turns by a lock. What they do becomes visible by a single store:
//!
//! * `insert` puts an entry into an empty slot, or into one that has the mark of `remove`.
//! * `replace` swaps the entry of a slot: there is no moment in which the name is missing.
//! * `remove` leaves a mark, for probes that have to go on behind it.
//! * Growing fills a new array and then swaps the arrays. Who still reads the old one reads how things were when he began. It takes
//!   the hashes from the entries, so no name is hashed twice.
//!
//! A value is *withdrawn* when its entry has been unlinked: from then on it may say so to readers that come too late
//! ([`Value::reach`]), and they look again. So what it holds can go at once, and only the entry waits for readers.

use super::name::Name;
use crate::primitive::{Acquire, AtomicPtr, Mutex, Relaxed, Release};
use crossbeam_epoch::{Guard, pin};
#[cfg(loom)]
use foldhash::fast::FixedState as Hasher;
#[cfg(not(loom))]
use foldhash::fast::RandomState as Hasher;
use std::{
    hash::BuildHasher,
    ops::{ControlFlow, DerefMut},
    ptr,
    sync::PoisonError,
};

/// Slots of a new table.
const FIRST_SIZE: usize = if cfg!(loom) { 4 } else { 16 };

/// What a name may stand for.
pub(super) trait Value: Send + Sync + 'static {
    /// What readers take away with them.
    type Reached;
    /// What is left for the writer that unlinked it.
    type Withdrawn;

    /// `None` once it was withdrawn.
    fn reach(&self) -> Option<Self::Reached>;

    /// Called once for each value, when nobody finds it any more.
    ///
    /// # Safety
    ///
    /// It is not called a second time.
    unsafe fn withdraw(&self) -> Self::Withdrawn;
}

/// See the module.
pub(super) struct Table<T: Value> {
    slots: AtomicPtr<Slots<T>>,
    writer: Mutex<Counts>,
    /// With a seed that is another one in each table; but for models, whose runs have to be alike.
    hasher: Hasher,
}

/// What writers know.
#[derive(Default)]
struct Counts {
    entries: usize,
    /// Slots that are not empty: entries and marks.
    used: usize,
}

struct Slots<T>(Box<[Slot<T>]>);

/// A tagged pointer to an entry; or [`EMPTY`], or [`REMOVED`].
struct Slot<T>(AtomicPtr<Entry<T>>);

/// The name comes before the value, so that what a lookup needs lies together.
#[repr(C, align(64))]
struct Entry<T> {
    hash: u64,
    name: Name,
    value: T,
}

/// The bits of an address that say something else.
const TAG: usize = 63;

/// The addresses of no entry: without one from the start, and since one was removed.
const EMPTY: usize = 0;
const REMOVED: usize = 1;

/// A part of the hash that says nothing about the slot.
fn tag(hash: u64) -> usize {
    (hash >> 58) as usize
}

/// What a slot holds.
enum Tenant<'g, T> {
    Nobody,
    /// With its tag.
    Entry(usize, &'g Entry<T>),
    /// There was an entry, and there may be others behind it.
    Gone,
}

impl<T: Value> Table<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: AtomicPtr::new(Box::into_raw(Box::new(Slots::new(FIRST_SIZE)))),
            writer: Mutex::new(Counts::default()),
            hasher: Hasher::default(),
        }
    }

    /// What `name` stands for.
    #[inline]
    pub(super) fn get(&self, name: &str) -> Option<T::Reached> {
        let hash = self.hasher.hash_one(name);
        let guard = pin();
        loop {
            let (_, entry) = self.slots(&guard).find(hash, name, &guard)?;
            if let Some(reached) = entry.value.reach() {
                return Some(reached);
            }
            // It was replaced or removed since we saw it: the slot says by now which of the two.
        }
    }

    /// Gives `name` a meaning, or says by `taken` what it stands for already.
    pub(super) fn insert<R>(&self, name: &str, value: T, taken: impl FnOnce(&T) -> R) -> Result<(), R> {
        let hash = self.hasher.hash_one(name);
        let entry = Entry::new(hash, name, value);
        let mut counts = self.lock();
        let guard = pin();
        if let Some((_, present)) = self.slots(&guard).find(hash, name, &guard) {
            let taken = taken(&present.value);
            drop(counts);
            entry.discard();
            return Err(taken);
        }
        if (counts.used + 1) * 4 > self.slots(&guard).0.len() * 3 {
            self.rebuild(&mut counts, &guard);
        }
        let slot = self.slots(&guard).free(hash);
        counts.entries += 1;
        counts.used += usize::from(slot.0.load(Relaxed).addr() == EMPTY);
        slot.0.store(entry.into_tagged(), Release);
        Ok(())
    }

    /// Gives `name`, if it has a meaning, another one.
    pub(super) fn replace(&self, name: &str, value: T) -> Option<T::Withdrawn> {
        let hash = self.hasher.hash_one(name);
        let entry = Entry::new(hash, name, value);
        let counts = self.lock();
        let guard = pin();
        let Some((slot, _)) = self.slots(&guard).find(hash, name, &guard) else {
            drop(counts);
            entry.discard();
            return None;
        };
        Some(slot.exchange(entry.into_tagged(), &guard))
    }

    /// Takes its meaning from `name`.
    pub(super) fn remove(&self, name: &str) -> Option<T::Withdrawn> {
        let hash = self.hasher.hash_one(name);
        let mut counts = self.lock();
        let guard = pin();
        let (slot, _) = self.slots(&guard).find(hash, name, &guard)?;
        counts.entries -= 1;
        Some(slot.exchange(ptr::without_provenance_mut(REMOVED), &guard))
    }

    /// Shows names and values, in no order, until `show` has enough. What comes or goes meanwhile may be shown or not.
    pub(super) fn walk<B>(&self, mut show: impl FnMut(&str, &T) -> ControlFlow<B>) -> ControlFlow<B> {
        let guard = pin();
        for slot in &self.slots(&guard).0 {
            if let Tenant::Entry(_, entry) = slot.tenant(&guard) {
                show(entry.name.as_str(), &entry.value)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Moves all entries to an array in which there is room.
    #[cold]
    fn rebuild(&self, counts: &mut Counts, guard: &Guard) {
        let old = self.slots(guard);
        // Only marks may have filled it: then the same size does.
        let grown = if counts.entries * 2 >= old.0.len() { 2 } else { 1 };
        let new = Slots::new(old.0.len() * grown);
        for slot in &old.0 {
            if let Tenant::Entry(_, entry) = slot.tenant(guard) {
                new.free(entry.hash).0.store(slot.0.load(Relaxed), Relaxed);
            }
        }
        counts.used = counts.entries;
        let old = self.slots.swap(Box::into_raw(Box::new(new)), Release);
        // SAFETY: made by `Box`; we have unlinked it, and hold the lock.
        unsafe { retire(old, guard) };
        // It is large, and the next insert that makes garbage may be far away.
        guard.flush();
    }

    #[inline]
    fn slots<'g>(&self, _: &'g Guard) -> &'g Slots<T> {
        // SAFETY: the pointer is always that of an array made by `Box`. One that was swapped out goes to `retire`, which frees
        // it when no guard is left that was there then; ours was, if we could load it.
        unsafe { &*self.slots.load(Acquire) }
    }

    fn lock(&self) -> impl DerefMut<Target = Counts> + '_ {
        // Nobody panics in the middle of a change: foreign code runs outside of the lock.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Value> Entry<T> {
    fn new(hash: u64, name: &str, value: T) -> Box<Self> {
        Box::new(Self { hash, name: Name::new(name), value })
    }

    /// For a slot.
    fn into_tagged(self: Box<Self>) -> *mut Self {
        const { assert!(align_of::<Self>() > TAG, "a tag changes no bit of an address") };
        let tag = tag(self.hash);
        Box::into_raw(self).map_addr(|address| address | tag)
    }

    /// Ends an entry that nobody finds, or has found. Not under the lock: what it holds is foreign.
    fn discard(self) {
        // SAFETY: this is its end.
        drop(unsafe { self.value.withdraw() });
    }
}

impl<T> Slots<T> {
    fn new(size: usize) -> Self {
        Self((0..size).map(|_| Slot(AtomicPtr::new(ptr::without_provenance_mut(EMPTY)))).collect())
    }

    /// The slots from the one that `hash` names on, all of them once. At least one is empty, where a search ends.
    #[inline]
    fn probe(&self, hash: u64) -> impl Iterator<Item = &Slot<T>> {
        let mask = self.0.len() - 1;
        let first = hash as usize;
        (0..self.0.len()).map(move |step| &self.0[first.wrapping_add(step) & mask])
    }

    #[inline]
    fn find<'g>(&'g self, hash: u64, name: &str, guard: &'g Guard) -> Option<(&'g Slot<T>, &'g Entry<T>)> {
        let tag = tag(hash);
        for slot in self.probe(hash) {
            match slot.tenant(guard) {
                Tenant::Entry(its, entry) if its == tag && entry.name.is(name) => return Some((slot, entry)),
                Tenant::Nobody => return None,
                Tenant::Entry(..) | Tenant::Gone => {}
            }
        }
        None
    }

    /// The first slot without an entry for a new one with this hash. For writers.
    fn free(&self, hash: u64) -> &Slot<T> {
        let mut slots = self.probe(hash);
        slots.find(|slot| is_free(slot.0.load(Relaxed))).expect("a quarter of the slots is empty")
    }
}

/// Whether a slot with this word holds no entry.
fn is_free<T>(word: *mut Entry<T>) -> bool {
    matches!(word.addr(), EMPTY | REMOVED)
}

/// The entry of a slot with this word, which is not free.
fn untagged<T>(word: *mut Entry<T>) -> *mut Entry<T> {
    word.map_addr(|address| address & !TAG)
}

impl<T> Slot<T> {
    #[inline]
    fn tenant<'g>(&self, _: &'g Guard) -> Tenant<'g, T> {
        let word = self.0.load(Acquire);
        match word.addr() {
            EMPTY => Tenant::Nobody,
            REMOVED => Tenant::Gone,
            // SAFETY: any other word is the tagged pointer of an entry made by `Box`, filled before it was stored (release) for us to
            // load (acquire). One that is taken out goes to `retire`, which frees it when no guard is left that was there then;
            // ours was, if we could load it.
            address => Tenant::Entry(address & TAG, unsafe { &*untagged(word) }),
        }
    }
}

impl<T: Value> Slot<T> {
    /// Takes the entry out and puts another one, or a mark, in its place. For writers, which have found an entry here.
    fn exchange(&self, new: *mut Entry<T>, guard: &Guard) -> T::Withdrawn {
        let old = untagged(self.0.swap(new, Release));
        // SAFETY: made by `Box`, and alive: only writers take entries out, and there is one at a time, us. So it's taken out,
        // and withdrawn, once.
        let withdrawn = unsafe { (*old).value.withdraw() };
        // SAFETY: made by `Box`; we have unlinked it, and hold the lock.
        unsafe { retire(old, guard) };
        withdrawn
    }
}

/// Frees what readers may still see, but no longer find, when they are gone.
///
/// # Safety
///
/// It was made by `Box`, and unlinked by the caller, who holds the writers' lock: nobody else does this to it.
unsafe fn retire<V: Send + 'static>(unlinked: *mut V, guard: &Guard) {
    // SAFETY: by contract it is freed once; the guard delays that until all are gone who can have found it. `V` is `Send`
    // and holds no borrows, so any thread may drop it at any time.
    #[cfg(not(loom))]
    unsafe {
        guard.defer_unchecked(move || drop(Box::from_raw(unlinked)));
    }
    // Its atomics belong to the run of the model that made them, which may end before: models leak it.
    #[cfg(loom)]
    let _ = (unlinked, guard);
}

impl<T: Value> Drop for Table<T> {
    fn drop(&mut self) {
        // SAFETY: made by `Box`, and ours alone: nobody reads a table that is dropped.
        let slots = unsafe { Box::from_raw(self.slots.load(Relaxed)) };
        let words = slots.0.iter().map(|slot| slot.0.load(Relaxed)).filter(|word| !is_free(*word));
        // SAFETY: as above; each lies in one slot, and is withdrawn when it leaves that, which it hasn't.
        let withdrawn = words.map(|word| unsafe { Box::from_raw(untagged(word)).value.withdraw() });
        // Collected before the first is dropped, which may panic: a vector then goes on with the others.
        drop(withdrawn.collect::<Vec<_>>());
    }
}
