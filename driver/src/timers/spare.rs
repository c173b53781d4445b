//! Lists that slots have had, for slots that come into use.
//!
//! Most have few entries. But where each request of a busy service has a time limit, all of those that begin within seconds
//! stand in one slot, and the next ones in the slot after it: without a list that has been as long, that one's would be copied
//! and grow anew, a page fault for every thousand entries.

/// The lists that are there from the beginning, enough for whoever has few timers at a time.
const FIRST: usize = 16;
const FIRST_ROOM: usize = 16;
/// So many short lists are kept, and none with room for more than that many entries.
const MOST: usize = 64;
const MOST_ROOM: usize = 4096;

/// Empty lists with room.
pub(super) struct Spare {
    short: Vec<Vec<u32>>,
    /// The longest one that is not in use. It takes a tenth of the memory that as many entries do, and those keep theirs.
    long: Vec<u32>,
}

impl Spare {
    pub(super) fn new() -> Self {
        let mut short = Vec::with_capacity(MOST);
        short.extend((0..FIRST).map(|_| Vec::with_capacity(FIRST_ROOM)));
        Spare { short, long: Vec::new() }
    }

    /// A list with some room, or an empty one.
    #[inline]
    pub(super) fn take_short(&mut self) -> Vec<u32> {
        self.short.pop().unwrap_or_default()
    }

    /// Moves what is in a full list to the long one, if that has more room. It is for a list that has outgrown all short ones
    /// only: with few entries in it, it might be in use for years.
    pub(super) fn exchange(&mut self, list: &mut Vec<u32>) {
        if list.capacity() >= MOST_ROOM && self.long.capacity() > list.capacity() {
            self.long.append(list);
            let outgrown = std::mem::replace(list, std::mem::take(&mut self.long));
            self.keep(outgrown);
        }
    }

    /// Keeps a list that a slot had, if there are not enough of them.
    #[inline]
    pub(super) fn keep(&mut self, mut list: Vec<u32>) {
        list.clear();
        if list.capacity() > MOST_ROOM {
            self.keep_long(list);
        } else if list.capacity() > 0 && self.short.len() < MOST {
            self.short.push(list);
        }
    }

    /// How many entries have room in all lists.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.long.capacity() + self.short.iter().map(Vec::capacity).sum::<usize>()
    }

    #[cold]
    fn keep_long(&mut self, list: Vec<u32>) {
        if list.capacity() > self.long.capacity() {
            self.long = list;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list with just so much room, full.
    fn full(room: usize) -> Vec<u32> {
        let list: Vec<u32> = (0..room as u32).collect();
        assert_eq!(list.capacity(), room);
        list
    }

    #[test]
    fn the_long_list_takes_over_what_has_outgrown_the_short_ones() {
        let mut spare = Spare::new();
        let long = full(100_000);
        let address = long.as_ptr();
        spare.keep(long);
        let mut list = full(MOST_ROOM);
        spare.exchange(&mut list);
        assert_eq!((list.as_ptr(), &list), (address, &full(MOST_ROOM)));
        assert_eq!(spare.long.capacity(), 0);
        assert_eq!(spare.short.last().map(Vec::capacity), Some(MOST_ROOM));
    }

    #[test]
    fn the_long_list_is_not_for_few_entries_and_not_for_more_than_it_holds() {
        let mut spare = Spare::new();
        spare.keep(full(MOST_ROOM + 1));
        for room in [MOST_ROOM / 2, MOST_ROOM + 1, 2 * MOST_ROOM] {
            let mut list = full(room);
            let address = list.as_ptr();
            spare.exchange(&mut list);
            assert_eq!(list.as_ptr(), address);
        }
    }

    #[test]
    fn the_longest_is_kept_and_no_more_short_ones_than_needed() {
        let mut spare = Spare::new();
        for room in [5_000, 9_000, 7_000] {
            spare.keep(full(room));
        }
        assert_eq!(spare.long.capacity(), 9_000);
        assert!(spare.long.is_empty());
        for _ in 0..2 * MOST {
            spare.keep(full(20));
        }
        assert_eq!(spare.short.len(), MOST);
        assert!(spare.short.iter().all(Vec::is_empty));
    }
}
