//! The records of operations in flight.
//!
//! ```text
//!   chunks ─► [ record record … 128 ] [ record record … ]      a record never moves: the kernel holds pointers into it
//!   key     =   generation | index                             the generation changes when the record retires
//! ```
//!
//! A record belongs to the slab until the operation's own terminal completion, whatever became of whoever submitted it.
//! A key of a retired record finds nothing, so that a late cancel cannot hit the operation that took the place.

use std::sync::Arc;

use crate::backend::os::Attachment;
use crate::completion::OpKey;
use crate::op::Op;
use crate::pool::Job;
use crate::timers::TimerKey;

const CHUNK: usize = 128;
const NONE: u32 = OpKey::RESERVED_INDEX;

/// Where an operation stands.
#[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
pub(crate) enum State {
    /// The kernel has it, or will at the next enter.
    Submitted,
    /// The kernel polls its descriptor; once ready, the operation itself is submitted again.
    #[allow(dead_code, reason = "not every system has rings")]
    Polling,
    /// It waits in the list of its descriptor for an event.
    Waiting,
    /// It waits for the clock: a timeout, or an operation to be tried again later.
    Timed(TimerKey),
    /// The pool has it.
    Pooled(Arc<Job>),
}

/// What the driver keeps of an operation in flight.
#[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
pub(crate) struct Record {
    pub word: usize,
    pub op: Op,
    pub state: State,
    /// A cancel was asked for. Whatever would start the operation anew ends it instead.
    pub cancelled: bool,
    /// It was tried before: an answer may tell of that attempt's success.
    pub tried: bool,
    /// It has switched its descriptor to non-blocking mode, and has to switch it back.
    pub switched: bool,
    /// Neighbours in the list of operations that wait for the same descriptor.
    pub links: Links,
    /// What the backend keeps here.
    pub attachment: Attachment,
}

/// A place in a doubly linked list of records.
#[derive(Clone, Copy, Default)]
#[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
pub(crate) struct Links {
    pub previous: Link,
    pub next: Link,
}

/// A neighbour, by its place alone, or none: who leaves the slab has left its list before.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
pub(crate) struct Link(u32);

impl Link {
    #[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
    pub(crate) fn to(key: Option<OpKey>) -> Link {
        Link(key.map_or(NONE, OpKey::index))
    }
}

impl Default for Link {
    fn default() -> Link {
        Link(NONE)
    }
}

struct Slot {
    generation: u32,
    next_free: u32,
    record: Option<Record>,
}

impl Slot {
    /// Whether `key`, which has this slot's index, is of the present generation.
    #[inline]
    fn is_of(&self, index: u32, key: OpKey) -> bool {
        OpKey::new(index, self.generation.into()) == key
    }
}

/// The table of records.
pub(crate) struct Slab {
    chunks: Vec<Box<[Slot]>>,
    free: u32,
    live: usize,
}

impl Slab {
    pub(crate) fn new() -> Slab {
        Slab { chunks: Vec::new(), free: NONE, live: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.live
    }

    #[inline]
    pub(crate) fn insert(&mut self, op: &Op, word: usize, state: State) -> (OpKey, &mut Record) {
        if self.free == NONE {
            self.grow();
        }
        let index = self.free;
        let slot = &mut self.chunks[index as usize / CHUNK][index as usize % CHUNK];
        (self.free, self.live) = (slot.next_free, self.live + 1);
        let record = slot.record.insert(Record {
            word,
            op: *op,
            state,
            cancelled: false,
            tried: false,
            switched: false,
            links: Links::default(),
            attachment: Attachment::default(),
        });
        (OpKey::new(index, slot.generation.into()), record)
    }

    /// The record of an operation that is still in flight.
    #[inline]
    pub(crate) fn get(&mut self, key: OpKey) -> Option<&mut Record> {
        let index = key.index();
        let slot = self.chunks.get_mut(index as usize / CHUNK)?.get_mut(index as usize % CHUNK)?;
        if !slot.is_of(index, key) {
            return None;
        }
        slot.record.as_mut()
    }

    /// The operation that a list goes on with.
    #[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
    pub(crate) fn follow(&self, Link(index): Link) -> Option<OpKey> {
        let slot = self.chunks.get(index as usize / CHUNK)?.get(index as usize % CHUNK)?;
        debug_assert!(slot.record.is_some(), "an operation retired that was in a list");
        Some(OpKey::new(index, slot.generation.into()))
    }

    /// Ends an operation: its key finds nothing from now on. Returns its word.
    #[inline]
    pub(crate) fn retire(&mut self, key: OpKey) -> Option<usize> {
        self.retire_if(key, |_| true)
    }

    /// The same for an operation that the kernel has, and nobody else, and whose result is all that it has brought.
    #[allow(dead_code, reason = "not every system has rings")]
    #[inline]
    pub(crate) fn retire_submitted(&mut self, key: OpKey) -> Option<usize> {
        self.retire_if(key, |record| {
            matches!(record.state, State::Submitted)
                && !matches!(record.op, Op::RecvShared { .. } | Op::RecvFrom { .. })
        })
    }

    #[inline(always)]
    fn retire_if(&mut self, key: OpKey, may_retire: impl FnOnce(&Record) -> bool) -> Option<usize> {
        let index = key.index();
        let slot = self.chunks.get_mut(index as usize / CHUNK)?.get_mut(index as usize % CHUNK)?;
        let word = match &slot.record {
            Some(record) if slot.is_of(index, key) && may_retire(record) => record.word,
            _ => return None,
        };
        slot.record = None;
        slot.generation = slot.generation.wrapping_add(1);
        slot.next_free = self.free;
        self.free = index;
        self.live -= 1;
        Some(word)
    }

    /// The keys of all operations in flight.
    pub(crate) fn keys(&self) -> Vec<OpKey> {
        let slots = self.chunks.iter().flatten().enumerate();
        slots
            .filter(|(_, slot)| slot.record.is_some())
            .map(|(index, slot)| OpKey::new(index as u32, slot.generation.into()))
            .collect()
    }

    fn grow(&mut self) {
        let first = (self.chunks.len() * CHUNK) as u32;
        assert!(first + (CHUNK as u32) < NONE, "more operations in flight than a key can tell apart");
        let slots = (first..first + CHUNK as u32).map(|index| {
            let last = index + 1 == first + CHUNK as u32;
            Slot { generation: 0, next_free: if last { NONE } else { index + 1 }, record: None }
        });
        self.chunks.push(slots.collect());
        self.free = first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::os::{self, RawFd};
    use crate::handle::Target;
    use std::ptr;

    /// No descriptor's number.
    const NO_FD: RawFd = !0;
    const OP: Op = Op::Close { fd: NO_FD };

    #[test]
    fn a_key_of_a_retired_record_finds_nothing_even_when_its_place_is_reused() {
        let mut slab = Slab::new();
        let (old, _) = slab.insert(&OP, 1, State::Submitted);
        assert_eq!(slab.retire(old), Some(1));
        let (new, _) = slab.insert(&OP, 2, State::Submitted);
        assert_eq!(old.index(), new.index());
        assert!(slab.get(old).is_none() && slab.retire(old).is_none());
        assert_eq!(slab.get(new).map(|record| record.word), Some(2));
    }

    #[test]
    fn only_what_the_kernel_alone_has_retires_by_its_answer() {
        let mut slab = Slab::new();
        let (submitted, _) = slab.insert(&OP, 1, State::Submitted);
        let (polling, _) = slab.insert(&OP, 2, State::Polling);
        let brings_bytes = Op::RecvShared { fd: Target::foreign(NO_FD), bytes: ptr::null_mut() };
        let (brings_bytes, _) = slab.insert(&brings_bytes, 3, State::Submitted);
        assert_eq!(slab.retire_submitted(submitted), Some(1));
        assert_eq!(slab.retire_submitted(submitted), None);
        assert_eq!(slab.retire_submitted(polling), None);
        assert_eq!(slab.retire_submitted(brings_bytes), None);
        assert_eq!(slab.retire(polling), Some(2));
        assert_eq!(slab.retire(brings_bytes), Some(3));
        assert_eq!(slab.len(), 0);
    }

    #[test]
    fn what_an_idle_connection_costs_is_little() {
        assert!(size_of::<Slot>() <= os::LARGEST_SLOT, "{}", size_of::<Slot>());
    }

    #[test]
    fn records_never_move() {
        let mut slab = Slab::new();
        let (key, _) = slab.insert(&OP, 0, State::Submitted);
        let before = &raw const *slab.get(key).expect("it is in flight");
        for word in 0..10_000 {
            slab.insert(&OP, word, State::Submitted);
        }
        assert_eq!(before, &raw const *slab.get(key).expect("it is in flight"));
        assert_eq!(slab.len(), 10_001);
        assert_eq!(slab.keys().len(), 10_001);
    }
}
