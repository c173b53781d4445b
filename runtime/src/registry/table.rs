//! Names and what they stand for: a hash table whose readers never wait for anybody.
//!
//! ```text
//!   Table ── buckets ──▶ [ 7 tags │ · │ · │ ─┐ │ · │ ─┐ │ · │ · ]  [ 7 tags │ … ]     a power of two of them, at most ¾ full
//!            writer                          ▼        ▼
//!            (a lock)       Entry { hash, name, value }   Entry { hash, name, value }    a cache line each, as a bucket is
//! ```
//!
//! Open addressing: a lookup goes from the bucket that its hash names to the next ones, until one was never full. It waits for two
//! places in memory, the bucket and the entry, where a map of `String`s waits for three; and it guesses right where it will go, so
//! that the processor can begin with the next lookup while it waits ([`tags`](super::tags)).
//!
//! **Readers** are seen by writers, which free nothing that a reader can have found ([`readers`](super::readers)). They write
//! nothing that others read, and nothing that a writer does makes them wait.
//!
//! **Writers** take turns by a lock. What they do becomes visible by a single store:
//!
//! * `insert` puts an entry into a free place, and then its tag.
//! * `replace` swaps the entry of a place: there is no moment in which the name is missing.
//! * `remove` takes the tag away.
//! * Growing fills new buckets and then swaps them for the old ones. Who still reads those reads how things were when he began.
//!   It takes the hashes from the entries, so no name is hashed twice.
//!
//! A reader may come from a tag to an entry that was put into its place since. It compares names, so it takes that for nothing else.
//!
//! A value is *withdrawn* when its entry has been unlinked: from then on it may say so to readers that come too late
//! ([`Value::reach`]), and they look again. So what it holds can go at once, and only the entry waits for readers.

use super::{
    entries::Entries,
    name::Name,
    readers::{self, Kept, Limbo},
    tags::{PLACES, Tags},
};
use crate::primitive::{Acquire, AtomicPtr, AtomicU64, Mutex, Relaxed, Release};
use fibra_system::memory::prefer_huge_pages;
#[cfg(loom)]
use foldhash::fast::FixedState as Hasher;
#[cfg(not(loom))]
use foldhash::fast::RandomState as Hasher;
use std::{
    hash::{BuildHasher, Hasher as _},
    iter, mem,
    ops::{ControlFlow, DerefMut},
    ptr,
    sync::PoisonError,
};

/// Buckets of a new table.
const FIRST_SIZE: usize = 2;

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
    buckets: AtomicPtr<Buckets<T>>,
    writer: Mutex<Writer<T>>,
    /// With a seed that is another one in each table; but for models, whose runs have to be alike.
    hasher: Hasher,
}

/// What writers know.
struct Writer<T> {
    count: usize,
    /// Places that no search ends at: with entries, and those that [`Tags::without`] marks.
    used: usize,
    entries: Entries<Entry<T>>,
    limbo: Limbo<Unlinked<T>>,
}

/// What readers may still see, but no longer find.
enum Unlinked<T> {
    Entry(*mut Entry<T>),
    Buckets(*mut Buckets<T>),
}

// SAFETY: what it points to may go to another thread if a `T` may.
unsafe impl<T: Send> Send for Unlinked<T> {}

struct Buckets<T>(Box<[Bucket<T>]>);

#[repr(C, align(64))]
struct Bucket<T> {
    tags: AtomicU64,
    /// Of those that have no tag, nobody reads what is in them.
    places: [AtomicPtr<Entry<T>>; PLACES],
}

/// The name comes before the value, so that what a lookup needs lies together.
#[repr(C, align(64))]
struct Entry<T> {
    hash: u64,
    name: Name,
    value: T,
}

/// Where an entry was found.
struct Found<'g, T> {
    bucket: &'g Bucket<T>,
    place: usize,
    entry: &'g Entry<T>,
}

impl<T: Value> Table<T> {
    pub(super) fn new() -> Self {
        Self {
            buckets: AtomicPtr::new(Box::into_raw(Box::new(Buckets::new(FIRST_SIZE)))),
            writer: Mutex::new(Writer { count: 0, used: 0, entries: Entries::new(), limbo: Limbo::new() }),
            hasher: Hasher::default(),
        }
    }

    /// What `name` stands for.
    #[inline]
    pub(super) fn get(&self, name: &str) -> Option<T::Reached> {
        match readers::begin() {
            Some(reading) => self.reach(name, reading.kept()),
            None => self.get_as_writer(name),
        }
    }

    /// While the thread ends. Under the lock nothing is unlinked, let alone freed.
    #[cold]
    fn get_as_writer(&self, name: &str) -> Option<T::Reached> {
        self.reach(name, self.lock().kept())
    }

    #[inline]
    fn reach(&self, name: &str, kept: Kept<'_>) -> Option<T::Reached> {
        let hash = self.hash(name);
        loop {
            let found = self.find(hash, name, kept)?;
            if let Some(reached) = found.entry.value.reach() {
                return Some(reached);
            }
            // It was replaced or removed since we saw it: the bucket says by now which of the two.
        }
    }

    /// Gives `name` a meaning, or says by `taken` what it stands for already.
    pub(super) fn insert<R>(&self, name: &str, value: T, taken: impl FnOnce(&T) -> R) -> Result<(), R> {
        let hash = self.hash(name);
        let entry = Entry::new(hash, name, value);
        let mut writer = self.lock();
        if let Some(found) = self.find(hash, name, writer.kept()) {
            let taken = taken(&found.entry.value);
            drop(writer);
            entry.discard();
            return Err(taken);
        }
        if (writer.used + 1) * 4 > self.buckets(writer.kept()).places() * 3 {
            self.rebuild(&mut writer);
        }
        let entry = writer.entries.put(entry);
        let was_empty = self.buckets(writer.kept()).put(hash, entry);
        writer.count += 1;
        writer.used += usize::from(was_empty);
        Ok(())
    }

    /// Gives `name`, if it has a meaning, another one.
    pub(super) fn replace(&self, name: &str, value: T) -> Option<T::Withdrawn> {
        let hash = self.hash(name);
        let entry = Entry::new(hash, name, value);
        let mut writer = self.lock();
        let entry = writer.entries.put(entry);
        let Some(Found { bucket, place, .. }) = self.find(hash, name, writer.kept()) else {
            // SAFETY: put in above, and nobody knows it yet.
            let entry = unsafe { writer.entries.take(entry) };
            drop(writer);
            entry.discard();
            return None;
        };
        let old = bucket.places[place].swap(entry, Release);
        // SAFETY: we have just unlinked it.
        Some(unsafe { writer.withdraw(old) })
    }

    /// Takes its meaning from `name`.
    pub(super) fn remove(&self, name: &str) -> Option<T::Withdrawn> {
        let hash = self.hash(name);
        let mut writer = self.lock();
        let Found { bucket, place, .. } = self.find(hash, name, writer.kept())?;
        let tags = bucket.tags().without(place);
        bucket.tags.store(tags.0, Release);
        let old = bucket.places[place].load(Relaxed);
        writer.count -= 1;
        writer.used -= usize::from(tags.is_empty(place));
        // SAFETY: as in `replace`.
        Some(unsafe { writer.withdraw(old) })
    }

    /// Shows names and values, in no order, until `show` has enough. What comes or goes meanwhile may be shown or not.
    pub(super) fn walk<B>(&self, show: impl FnMut(&str, &T) -> ControlFlow<B>) -> ControlFlow<B> {
        match readers::begin() {
            Some(reading) => self.buckets(reading.kept()).walk(reading.kept(), show),
            None => {
                let writer = self.lock();
                self.buckets(writer.kept()).walk(writer.kept(), show)
            }
        }
    }

    /// Moves all entries to buckets in which there is room.
    #[cold]
    fn rebuild(&self, writer: &mut Writer<T>) {
        let old = self.buckets(writer.kept());
        // Only marks may have filled them: then the same size does.
        let grown = if writer.count * 2 >= old.places() { 2 } else { 1 };
        let new = Buckets::new(old.0.len() * grown);
        for entry in old.0.iter().flat_map(Bucket::entries) {
            // SAFETY: alive, as it is in a place, and writers alone take it out.
            new.put(unsafe { (*entry).hash }, entry);
        }
        writer.used = writer.count;
        let old = self.buckets.swap(Box::into_raw(Box::new(new)), Release);
        _ = writer.limbo.add(Unlinked::Buckets(old));
        // In any case: they are large, and the next thing to be unlinked may be far away.
        writer.sweep();
    }

    #[inline]
    fn hash(&self, name: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(name.as_bytes());
        hasher.finish()
    }

    #[inline]
    fn find<'g>(&self, hash: u64, name: &str, kept: Kept<'g>) -> Option<Found<'g, T>> {
        self.buckets(kept).find(hash, name, kept)
    }

    #[inline]
    fn buckets<'g>(&self, _: Kept<'g>) -> &'g Buckets<T> {
        // SAFETY: the pointer is always that of buckets made by `Box`, and filled before it was stored (release) for us to load
        // (acquire). When others take their place they go to limbo, where they are kept for so long.
        unsafe { &*self.buckets.load(Acquire) }
    }

    fn lock(&self) -> impl DerefMut<Target = Writer<T>> + '_ {
        // Nobody panics in the middle of a change: foreign code runs outside of the lock.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Buckets<T> {
    fn new(size: usize) -> Self {
        let mut buckets = Box::new_uninit_slice(size);
        // Before there is anything in them.
        prefer_huge_pages(&mut buckets);
        for bucket in &mut buckets {
            bucket.write(Bucket::new());
        }
        // SAFETY: each of them was written.
        Self(unsafe { buckets.assume_init() })
    }

    fn places(&self) -> usize {
        self.0.len() * PLACES
    }

    /// The buckets from the one that `hash` names on, round and round. At least one has room, where a search ends.
    #[inline]
    fn probe(&self, hash: u64) -> impl Iterator<Item = &Bucket<T>> {
        let mask = self.0.len() - 1;
        let first = hash as usize & mask;
        iter::successors(Some(first), move |index| Some((index + 1) & mask)).map(|index| &self.0[index])
    }

    #[inline]
    fn find<'g>(&'g self, hash: u64, name: &str, kept: Kept<'g>) -> Option<Found<'g, T>> {
        let tag = Tags::of(hash);
        for bucket in self.probe(hash) {
            let tags = bucket.tags();
            for place in tags.matching(tag) {
                let entry = bucket.entry(place, kept);
                if entry.name.is(name) {
                    return Some(Found { bucket, place, entry });
                }
            }
            if tags.have_room() {
                break;
            }
        }
        None
    }

    fn walk<B>(&self, kept: Kept<'_>, mut show: impl FnMut(&str, &T) -> ControlFlow<B>) -> ControlFlow<B> {
        for bucket in &self.0 {
            for place in bucket.tags().taken() {
                let entry = bucket.entry(place, kept);
                show(entry.name.as_str(), &entry.value)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Puts an entry with this hash into the first free place, and returns whether that was never taken. For writers.
    fn put(&self, hash: u64, entry: *mut Entry<T>) -> bool {
        let mut free = self.probe(hash).filter_map(|bucket| Some((bucket, bucket.tags().free().next()?)));
        let (bucket, place) = free.next().expect("a quarter of the places is free");
        let tags = bucket.tags();
        bucket.places[place].store(entry, Release);
        bucket.tags.store(tags.with(place, Tags::of(hash)).0, Release);
        tags.is_empty(place)
    }
}

impl<T> Bucket<T> {
    fn new() -> Self {
        let places = [(); PLACES].map(|()| AtomicPtr::new(ptr::null_mut()));
        Self { tags: AtomicU64::new(Tags::NONE.0), places }
    }

    #[inline]
    fn tags(&self) -> Tags {
        Tags(self.tags.load(Acquire))
    }

    /// The entries that are there. For writers.
    fn entries(&self) -> impl Iterator<Item = *mut Entry<T>> {
        self.tags().taken().map(|place| self.places[place].load(Relaxed))
    }

    /// The entry of a place that has a tag, or had one when the caller loaded the tags.
    #[inline]
    fn entry<'g>(&self, place: usize, _: Kept<'g>) -> &'g Entry<T> {
        // SAFETY: a place gets its tag (release) after its first entry, and we have seen one (acquire, or as the writer); from then on
        // there is always the address of an entry from `Entries`, filled before it was stored (release) for us to load (acquire). One
        // that a writer unlinks goes to limbo, where it is kept for so long if we can have loaded it.
        unsafe { &*self.places[place].load(Acquire) }
    }
}

impl<T: Value> Entry<T> {
    fn new(hash: u64, name: &str, value: T) -> Self {
        Self { hash, name: Name::new(name), value }
    }

    /// Ends an entry that nobody finds, or has found. Not under the lock: what it holds is foreign.
    fn discard(self) {
        // SAFETY: this is its end.
        drop(unsafe { self.value.withdraw() });
    }
}

impl<T> Writer<T> {
    /// Only writers unlink, and only by a unique borrow of this.
    fn kept(&self) -> Kept<'_> {
        // SAFETY: nothing is unlinked, and nothing goes from limbo, as long as this is borrowed.
        unsafe { Kept::new() }
    }

    fn sweep(&mut self) {
        let Self { entries, limbo, .. } = self;
        // SAFETY: it was unlinked before it came to limbo, and has no readers any more.
        limbo.sweep(|unlinked| unsafe { unlinked.free(entries) });
    }
}

impl<T: Value> Writer<T> {
    /// Ends an entry's being found.
    ///
    /// # Safety
    ///
    /// It was unlinked by the caller, just now: nobody else does this to it.
    unsafe fn withdraw(&mut self, unlinked: *mut Entry<T>) -> T::Withdrawn {
        // SAFETY: it's alive until limbo has it, and by contract it's withdrawn once.
        let withdrawn = unsafe { (*unlinked).value.withdraw() };
        if self.limbo.add(Unlinked::Entry(unlinked)) {
            self.sweep();
        }
        withdrawn
    }
}

impl<T> Unlinked<T> {
    /// # Safety
    ///
    /// Nobody finds it, nobody reads it, and it is of the table that has these entries.
    unsafe fn free(self, entries: &mut Entries<Entry<T>>) {
        match self {
            // SAFETY: by contract, and this is the end of what was one of them.
            Self::Entry(entry) => drop(unsafe { entries.take(entry) }),
            // SAFETY: all buckets are made by `Box`; the rest as above.
            Self::Buckets(buckets) => drop(unsafe { Box::from_raw(buckets) }),
        }
    }
}

impl<T: Value> Drop for Table<T> {
    fn drop(&mut self) {
        let mut writer = self.lock();
        let Writer { entries, limbo, .. } = &mut *writer;
        for unlinked in mem::replace(limbo, Limbo::new()).into_all() {
            // SAFETY: nobody reads a table that is dropped.
            unsafe { unlinked.free(entries) };
        }
        // SAFETY: made by `Box`, and ours alone.
        let buckets = unsafe { Box::from_raw(self.buckets.load(Relaxed)) };
        let withdrawn = buckets.0.iter().flat_map(Bucket::entries).map(|entry| {
            // SAFETY: each lies in one place, and is withdrawn when it leaves that, which it hasn't.
            let withdrawn = unsafe { (*entry).value.withdraw() };
            // SAFETY: nobody finds it any more.
            drop(unsafe { entries.take(entry) });
            withdrawn
        });
        let withdrawn = withdrawn.collect::<Vec<_>>();
        drop(writer);
        // Only now, as it may panic: a vector then goes on with the others.
        drop(withdrawn);
    }
}
