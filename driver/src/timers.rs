//! Timers of one thread: a hierarchical wheel in which inserting and cancelling cost the same however many there are.
//!
//! Time is counted in nanoseconds since the wheel was made, as far as [moments](Moment) go. The wheel reads a deadline as
//! six digits of base 256 above a rest of 16 bits, and has one level for each digit:
//!
//! ```text
//!   63        56        48        40        32        24        16               0
//!    ├─────────┼─────────┼─────────┼─────────┼─────────┼─────────┼───────────────┤
//!    │ level 5 │ level 4 │ level 3 │ level 2 │ level 1 │ level 0 │     rest      │
//!    └─────────┴─────────┴─────────┴─────────┴─────────┴─────────┴───────────────┘
//!     2.3 years   78 h      18 min     4.3 s     16.8 ms   65.5 µs  = width of a slot
//! ```
//!
//! An entry stands on the level of the highest digit in which its deadline differs from the wheel's `now`, in the slot
//! that this digit of the deadline names. Hence, with `now` as the wheel's position:
//!
//! * on each level only slots ahead of `now`'s own digit are in use (on level 0 also the one at it), so nothing wraps;
//! * whatever stands on a level is due before anything on the levels above, so the earliest entry stands in the first
//!   used slot of the first used level. Bitmaps find it;
//! * when `now` enters a slot, its entries differ from `now` in lower digits only, and move down. An entry moves at most
//!   five times, and one that is cancelled early, as most time limits are, hardly ever.
//!
//! A slot is a list of indices. What is moved or handed out is mostly no longer in the cache: with the indices side by side,
//! many entries are fetched at the same time.
//!
//! An entry keeps its exact deadline, and is due only once `now` has reached it. The width of a slot costs no precision:
//! it only says how many entries are looked at together.

mod entries;
mod slack;
mod spare;
#[cfg(test)]
mod tests;

use crate::moment::Moment;
use entries::{Entries, NONE, Place};
use std::time::Instant;

pub use entries::TimerKey;
pub(crate) use entries::Token;
pub(crate) use slack::Slack;
use spare::Spare;

/// The digits of a deadline.
const LEVELS: usize = 6;
/// Slots of a level, one for each value of its digit.
const SLOTS: usize = 256;
const DIGIT_BITS: u32 = SLOTS.ilog2();
/// The bits below the lowest digit: a slot of level 0 is 2^16 ns wide.
const REST_BITS: u32 = u64::BITS - DIGIT_BITS * LEVELS as u32;

/// So many entries are looked at together.
const TOGETHER: usize = 16;

/// The timers of one thread.
pub(crate) struct Wheel {
    /// Where the wheel counts from.
    origin: Moment,
    /// The wheel's position: the latest time that `advance` was told, in nanoseconds since `origin`.
    now: u64,
    entries: Entries,
    levels: Box<[Level; LEVELS]>,
    spare: Spare,
}

/// The slots for the values of one digit.
struct Level {
    used: [u64; SLOTS / 64],
    slots: [Slot; SLOTS],
}

/// A list of entries, in the order in which they came.
///
/// A list of indices rather than a chain through the entries: those are mostly not in the cache, and in a chain each could
/// be fetched only after the one before.
struct Slot {
    /// What was cancelled leaves a [`NONE`], until there are too many of them.
    list: Vec<u32>,
    live: u32,
    /// No entry of the slot is due earlier. It lags behind when the earliest one is cancelled, since finding the next one
    /// would mean to look at all of them; the wheel then wakes once for nothing, and looks.
    earliest: u64,
}

impl Slot {
    const EMPTY: Slot = Slot { list: Vec::new(), live: 0, earliest: u64::MAX };

    /// For a list that is full, or that isn't there yet. If there is no other one, it grows.
    #[inline]
    fn make_room(&mut self, entries: &mut Entries, spare: &mut Spare) {
        if self.list.capacity() == 0 {
            self.list = spare.take_short();
        } else {
            self.make_more_room(entries, spare);
        }
    }

    #[cold]
    fn make_more_room(&mut self, entries: &mut Entries, spare: &mut Spare) {
        // The gaps are the greater part.
        if self.list.len() / 2 > self.live as usize {
            close_ranks(&mut self.list, entries);
        } else {
            spare.exchange(&mut self.list);
        }
    }
}

impl Level {
    const EMPTY: Level = Level { used: [0; SLOTS / 64], slots: [const { Slot::EMPTY }; SLOTS] };

    /// The first slot in use.
    fn first_used(&self) -> Option<usize> {
        let word = self.used.iter().position(|word| *word != 0)?;
        Some(word * 64 + self.used[word].trailing_zeros() as usize)
    }

    fn mark_used(&mut self, digit: usize) {
        self.used[digit / 64] |= 1 << (digit % 64);
    }

    /// Empties a slot and returns the list that was in it.
    fn take(&mut self, digit: usize) -> Vec<u32> {
        self.used[digit / 64] &= !(1 << (digit % 64));
        std::mem::replace(&mut self.slots[digit], Slot::EMPTY).list
    }
}

/// Takes the gaps out of a list.
fn close_ranks(list: &mut Vec<u32>, entries: &mut Entries) {
    list.retain(|index| *index != NONE);
    for (position, &index) in list.iter().enumerate() {
        entries.place_mut(index).position = position as u32;
    }
}

/// The level on which a deadline stands whose difference from the wheel's position, by exclusive or, is `difference`.
#[inline]
fn level_of(difference: u64) -> usize {
    let highest_bit = (difference | 1 << REST_BITS).ilog2();
    ((highest_bit - REST_BITS) / DIGIT_BITS) as usize
}

/// The digit of `time` that selects a slot on `level`.
#[inline]
fn digit(time: u64, level: usize) -> usize {
    (time >> (REST_BITS + DIGIT_BITS * level as u32)) as usize % SLOTS
}

/// Where the slot of `digit` begins on `level`, seen from `position`.
fn begin_of_slot(position: u64, level: usize, digit: usize) -> u64 {
    let shift = REST_BITS + DIGIT_BITS * level as u32;
    ((position >> shift) & !(SLOTS as u64 - 1) | digit as u64) << shift
}

impl Wheel {
    /// A wheel without entries whose position is `now`.
    pub(crate) fn new(now: impl Into<Moment>) -> Self {
        let levels = Box::new([const { Level::EMPTY }; LEVELS]);
        Wheel { origin: now.into(), now: 0, entries: Entries::new(), levels, spare: Spare::new() }
    }

    /// Adds an entry: `token` comes out of the first [`advance`](Self::advance) to `deadline` or later.
    ///
    /// A deadline in the past comes out of the next one.
    pub(crate) fn insert(&mut self, deadline: impl Into<Moment>, token: Token) -> TimerKey {
        self.insert_with(Slack::NONE, deadline, token)
    }

    /// The same for one that may come out as much later as `slack` allows, counted from the wheel's position.
    #[inline]
    pub(crate) fn insert_with(
        &mut self,
        slack: Slack,
        deadline: impl Into<Moment>,
        token: Token,
    ) -> TimerKey {
        let deadline = slack.round_up(self.now, self.nanoseconds(deadline));
        let index = self.entries.add(deadline, token);
        self.place(index, deadline);
        self.entries.key(index)
    }

    /// Takes an entry out and returns its token; `None` if it has already come out, by whichever way.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<Token> {
        self.cancel_if(key, |_| true)
    }

    /// The same for one that is for what is meant.
    #[inline]
    pub(crate) fn cancel_if(
        &mut self,
        key: TimerKey,
        is_meant: impl FnOnce(&Token) -> bool,
    ) -> Option<Token> {
        let index = self.entries.find(key)?;
        if !self.entries.token_mut(index).is_some_and(|token| is_meant(token)) {
            return None;
        }
        self.unlink(index);
        Some(self.entries.remove(index))
    }

    /// What an entry is for, if it is in the wheel.
    pub(crate) fn token_mut(&mut self, key: TimerKey) -> Option<&mut Token> {
        let index = self.entries.find(key)?;
        self.entries.token_mut(index)
    }

    /// The keys of all timeouts that are in the wheel.
    pub(crate) fn timeouts(&self) -> Vec<TimerKey> {
        self.entries.keys(|token| matches!(token, Token::Timeout(_))).collect()
    }

    /// The keys of all timers that are in the wheel.
    pub(crate) fn timers(&self) -> Vec<TimerKey> {
        self.entries.keys(|token| matches!(token, Token::Timer(_))).collect()
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry: one load, where [`next_deadline`](Self::next_deadline) has to search.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// When to call [`advance`](Self::advance) next: the earliest deadline, or somewhat before it if a still earlier entry
    /// was cancelled. `None` if there is no entry.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let (level, digit) = self.first_used()?;
        let earliest = self.levels[level].slots[digit].earliest;
        Some(self.origin.after_nanoseconds(earliest).into())
    }

    /// Moves the wheel to `now` and hands out the token of each entry whose deadline is reached, none earlier: in the order
    /// of the deadlines as far as these differ by a slot's width of 65 µs, else in the order in which they were added.
    ///
    /// A `now` before the latest one does nothing. `due` must not panic: entries not handed out yet would be lost.
    pub(crate) fn advance(&mut self, now: impl Into<Moment>, mut due: impl FnMut(Token)) {
        let now = self.nanoseconds(now).max(self.now);
        // From one used slot to the next: on every level, what `now` enters moves down before anything later comes out.
        while let Some((level, digit)) = self.first_used() {
            let begin = begin_of_slot(self.now, level, digit);
            // The slot of level 0 where the wheel stands is entered again and again: only if somebody in it is due.
            if begin > now || level == 0 && self.levels[0].slots[digit].earliest > now {
                break;
            }
            self.now = self.now.max(begin);
            let list = self.levels[level].take(digit);
            self.hand_out_or_move_down(&list, level, now, &mut due);
            self.spare.keep(list);
        }
        self.now = now;
    }

    /// The same for a wheel without entries.
    pub(crate) fn jump(&mut self, now: impl Into<Moment>) {
        debug_assert!(self.is_empty());
        self.now = self.now.max(self.nanoseconds(now));
    }

    /// Goes through a list that was taken out of a slot of `level`.
    fn hand_out_or_move_down(&mut self, list: &[u32], level: usize, now: u64, due: &mut impl FnMut(Token)) {
        for indices in list.chunks(TOGETHER) {
            // Loads that don't depend on each other, so that the processor has all of them under way at once.
            let mut deadlines = [0; TOGETHER];
            for (deadline, &index) in deadlines.iter_mut().zip(indices) {
                if index != NONE {
                    *deadline = self.entries.deadline(index);
                }
            }
            for (&index, deadline) in indices.iter().zip(deadlines) {
                if index == NONE {
                    continue;
                }
                if level == 0 && deadline <= now {
                    due(self.entries.remove(index));
                } else {
                    self.place(index, deadline);
                }
            }
        }
    }

    /// Level and digit of the slot that holds the earliest entry.
    fn first_used(&self) -> Option<(usize, usize)> {
        let mut levels = self.levels.iter().enumerate();
        levels.find_map(|(index, level)| Some((index, level.first_used()?)))
    }

    /// Appends an entry to the slot where it belongs.
    #[inline]
    fn place(&mut self, index: u32, deadline: u64) {
        // One in the past stands where the wheel is, for the next `advance` to find.
        let position = deadline.max(self.now);
        let level = level_of(position ^ self.now);
        let digit = digit(position, level);
        self.levels[level].mark_used(digit);
        let slot = &mut self.levels[level].slots[digit];
        slot.earliest = slot.earliest.min(deadline);
        if slot.list.len() == slot.list.capacity() {
            slot.make_room(&mut self.entries, &mut self.spare);
        }
        slot.live += 1;
        let position = slot.list.len() as u32;
        slot.list.push(index);
        *self.entries.place_mut(index) = Place { position, slot: (level * SLOTS + digit) as u16 };
    }

    /// Takes an entry out of the list it stands in.
    #[inline]
    fn unlink(&mut self, index: u32) {
        let Place { position, slot } = self.entries.place(index);
        let (level, digit) = (usize::from(slot) / SLOTS, usize::from(slot) % SLOTS);
        let slot = &mut self.levels[level].slots[digit];
        slot.list[position as usize] = NONE;
        slot.live -= 1;
        while slot.list.pop_if(|last| *last == NONE).is_some() {}
        if slot.live == 0 {
            self.spare.keep(self.levels[level].take(digit));
        }
    }

    /// The time since `origin`: 0 before it.
    #[inline]
    fn nanoseconds(&self, time: impl Into<Moment>) -> u64 {
        time.into().nanoseconds_since(self.origin)
    }
}
