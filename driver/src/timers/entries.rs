//! Where the entries of the wheel live: a slab, addressed by 32-bit indices, whose vacancies are reused.

use std::task::Waker;

/// No entry: the end of the vacancies, or the place of one that was cancelled.
pub(super) const NONE: u32 = u32::MAX;

/// The generation of an entry that is not used again. No key has it, and every key's fits into the bits that an operation's
/// key has for it.
pub(super) const WORN_OUT: u32 = (1 << 30) - 1;

/// What an entry is for.
#[derive(Debug)]
pub(crate) enum Token {
    /// An operation of its own; the word goes into its completion.
    Timeout(usize),
    /// A timer: whom to wake.
    Timer(Waker),
    /// Something that the backend goes on with.
    #[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
    Backend(u64),
}

/// Names a timer for as long as it runs; afterwards it names nothing.
///
/// ```
/// # use fibra_driver::{Config, Driver};
/// # use std::{task::Waker, time::Instant};
/// # let mut driver = Driver::new(&Config::default())?;
/// let key: fibra_driver::TimerKey = driver.start_timer(Instant::now(), Waker::noop().clone());
/// assert!(driver.stop_timer(key).is_some());
/// assert!(driver.stop_timer(key).is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerKey {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl TimerKey {
    /// The key as a number, which [`from_bits`](Self::from_bits) reads.
    ///
    /// ```
    /// # use fibra_driver::TimerKey;
    /// assert_eq!(TimerKey::from_bits(7).to_bits(), 7);
    /// ```
    #[inline]
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << u32::BITS | self.index as u64
    }

    /// The key that was this number. One that was none names nothing, or another timer.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver, TimerKey};
    /// # use std::{task::Waker, time::Instant};
    /// # let mut driver = Driver::new(&Config::default())?;
    /// let key = driver.start_timer(Instant::now(), Waker::noop().clone());
    /// assert_eq!(TimerKey::from_bits(key.to_bits()), key);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub const fn from_bits(bits: u64) -> Self {
        Self { index: bits as u32, generation: (bits >> u32::BITS) as u32 }
    }
}

/// Where an entry stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Its place in the slot's list.
    pub(super) position: u32,
    /// The slot, counted through all levels.
    pub(super) slot: u16,
}

struct Entry {
    deadline: u64,
    /// `None` in a vacancy.
    token: Option<Token>,
    /// In a vacancy, `position` is the vacancy after it.
    place: Place,
    /// Counts how often this entry has become vacant. A key with an older count names an entry that is gone.
    generation: u32,
}

// Four entries share three cache lines; a million fit in 48 MB.
const _: () = assert!(size_of::<Entry>() == 48 || !cfg!(target_pointer_width = "64"));

pub(super) struct Entries {
    entries: Vec<Entry>,
    /// The first vacancy.
    vacant: u32,
    /// How many entries are in use.
    in_use: usize,
}

impl Entries {
    pub(super) fn new() -> Self {
        Entries { entries: Vec::new(), vacant: NONE, in_use: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.in_use
    }

    pub(super) fn is_empty(&self) -> bool {
        self.in_use == 0
    }

    /// Adds an entry that stands nowhere yet.
    #[inline]
    pub(super) fn add(&mut self, deadline: u64, token: Token) -> u32 {
        let token = Some(token);
        self.in_use += 1;
        if self.vacant == NONE {
            let index = self.entries.len() as u32;
            assert!(self.entries.len() < NONE as usize, "a thread cannot have four billion timers");
            let place = Place { position: NONE, slot: 0 };
            self.entries.push(Entry { deadline, token, place, generation: 0 });
            return index;
        }
        let index = self.vacant;
        let entry = &mut self.entries[index as usize];
        self.vacant = entry.place.position;
        entry.deadline = deadline;
        entry.token = token;
        index
    }

    /// Makes an entry vacant and returns its token. The caller has taken it out of its list.
    #[inline]
    pub(super) fn remove(&mut self, index: u32) -> Token {
        self.in_use -= 1;
        let entry = &mut self.entries[index as usize];
        entry.generation += 1;
        let token = entry.token.take().expect("an entry in use has a token");
        // One that has been through all generations stays unused for ever, lest its very first keys name it again.
        if entry.generation != WORN_OUT {
            entry.place.position = self.vacant;
            self.vacant = index;
        }
        token
    }

    /// The token of an entry that is in use.
    #[inline]
    pub(super) fn token_mut(&mut self, index: u32) -> Option<&mut Token> {
        self.entries[index as usize].token.as_mut()
    }

    /// The keys of all entries with such a token.
    pub(super) fn keys(&self, is_wanted: fn(&Token) -> bool) -> impl Iterator<Item = TimerKey> + '_ {
        self.entries
            .iter()
            .enumerate()
            .filter(move |(_, entry)| entry.token.as_ref().is_some_and(is_wanted))
            .map(|(index, entry)| TimerKey { index: index as u32, generation: entry.generation })
    }

    /// The key of an entry that is in use.
    #[inline]
    pub(super) fn key(&self, index: u32) -> TimerKey {
        TimerKey { index, generation: self.entries[index as usize].generation }
    }

    /// The entry that a key names, if it is still there.
    #[inline]
    pub(super) fn find(&self, key: TimerKey) -> Option<u32> {
        let entry = self.entries.get(key.index as usize)?;
        (entry.generation == key.generation).then_some(key.index)
    }

    #[inline]
    pub(super) fn deadline(&self, index: u32) -> u64 {
        self.entries[index as usize].deadline
    }

    #[inline]
    pub(super) fn place(&self, index: u32) -> Place {
        self.entries[index as usize].place
    }

    #[inline]
    pub(super) fn place_mut(&mut self, index: u32) -> &mut Place {
        &mut self.entries[index as usize].place
    }

    #[cfg(test)]
    pub(super) fn set_generation(&mut self, key: TimerKey, generation: u32) -> TimerKey {
        self.entries[key.index as usize].generation = generation;
        TimerKey { generation, ..key }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }
}
