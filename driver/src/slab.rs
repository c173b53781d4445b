//! The records of operations in flight.
//!
//! ```text
//!   chunks ─► [ record record … 128 ] [ record record … ]
//!             [ header header … 128 ] [ header header … ]      a header never moves: the kernel holds pointers to it
//!   key     =   generation | index                             the generation changes when the record retires
//! ```
//!
//! A record belongs to the slab until the operation's own terminal completion, whatever became of whoever submitted it.
//! A key of a retired record finds nothing, so that a late cancel cannot hit the operation that took the place.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::Arc;

use crate::completion::OpKey;
use crate::op::Op;
use crate::pool::Job;
use crate::timers::TimerKey;

const CHUNK: usize = 128;
const MOST: u32 = OpKey::RESERVED_INDEX;

/// Where an operation stands.
pub(crate) enum State {
    /// The kernel has it, or will at the next enter.
    Submitted,
    /// The kernel polls its descriptor; once ready, the operation itself is submitted again.
    Polling,
    /// It waits in the list of its descriptor for an event.
    Waiting,
    /// It waits for the clock: a timeout, or an operation to be tried again later.
    Timed(TimerKey),
    /// The pool has it.
    Pooled(Arc<Job>),
}

/// What the driver keeps of an operation in flight.
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
}

/// A place in a doubly linked list of records.
#[derive(Clone, Copy, Default)]
pub(crate) struct Links {
    pub previous: Option<OpKey>,
    pub next: Option<OpKey>,
}

/// Two cache lines, which are cold when an operation that took its time completes.
#[repr(align(64))]
struct Slot {
    generation: u64,
    record: Option<Record>,
}

const _: () = assert!(size_of::<Slot>() <= 128);

/// The header that a vectored socket operation points to. The kernel reads and writes it. Few operations have one, so it
/// lies apart.
type Header = UnsafeCell<MaybeUninit<libc::msghdr>>;

struct Chunk {
    slots: Box<[Slot; CHUNK]>,
    headers: Box<[Header; CHUNK]>,
}

/// The table of records.
pub(crate) struct Slab {
    chunks: Vec<Chunk>,
    /// The places without a record, the one that was used last on top. It has room for all.
    free: Vec<u32>,
}

impl Slab {
    pub(crate) fn new() -> Slab {
        Slab { chunks: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.chunks.len() * CHUNK - self.free.len()
    }

    #[inline]
    pub(crate) fn insert(&mut self, op: &Op, word: usize, state: State) -> OpKey {
        let index = match self.free.pop() {
            Some(index) => index,
            None => self.grow(),
        };
        let slot = &mut self.chunks[index as usize / CHUNK].slots[index as usize % CHUNK];
        let links = Links::default();
        slot.record =
            Some(Record { word, op: *op, state, cancelled: false, tried: false, switched: false, links });
        OpKey::new(index, slot.generation)
    }

    /// The place that a key names, if its operation is still in flight.
    #[inline]
    fn find(&mut self, key: OpKey) -> Option<&mut Slot> {
        let index = key.index();
        let slot = &mut self.chunks.get_mut(index as usize / CHUNK)?.slots[index as usize % CHUNK];
        (OpKey::new(index, slot.generation) == key && slot.record.is_some()).then_some(slot)
    }

    /// The record of an operation that is still in flight.
    #[inline]
    pub(crate) fn get(&mut self, key: OpKey) -> Option<&mut Record> {
        self.find(key)?.record.as_mut()
    }

    /// Where the header for the kernel is. It is the operation's until that retires.
    #[inline]
    pub(crate) fn header(&self, key: OpKey) -> *mut libc::msghdr {
        let index = key.index() as usize;
        self.chunks[index / CHUNK].headers[index % CHUNK].get().cast()
    }

    /// Ends an operation: its key finds nothing from now on. Returns its word.
    #[inline]
    pub(crate) fn retire(&mut self, key: OpKey) -> Option<usize> {
        let slot = self.find(key)?;
        let word = slot.record.as_ref()?.word;
        slot.record = None;
        slot.generation += 1;
        self.free.push(key.index());
        Some(word)
    }

    /// The same for an operation that the kernel has, and nobody else.
    #[inline]
    pub(crate) fn retire_submitted(&mut self, key: OpKey) -> Option<usize> {
        match self.get(key)?.state {
            State::Submitted => self.retire(key),
            _ => None,
        }
    }

    /// The keys of all operations in flight.
    pub(crate) fn keys(&self) -> Vec<OpKey> {
        let slots = self.chunks.iter().flat_map(|chunk| chunk.slots.iter()).enumerate();
        slots
            .filter(|(_, slot)| slot.record.is_some())
            .map(|(index, slot)| OpKey::new(index as u32, slot.generation))
            .collect()
    }

    /// Makes another chunk, and returns the first place in it.
    #[cold]
    fn grow(&mut self) -> u32 {
        let first = (self.chunks.len() * CHUNK) as u32;
        let end = first + CHUNK as u32;
        assert!(end < MOST, "more operations in flight than a key can tell apart");
        let slot = || Slot { generation: 0, record: None };
        self.chunks
            .push(Chunk { slots: fill(slot), headers: fill(|| UnsafeCell::new(MaybeUninit::uninit())) });
        self.free.reserve(end as usize);
        self.free.extend((first + 1..end).rev());
        first
    }
}

/// As much as a chunk has, made where it stays: the stack that we are on may have no room for it.
fn fill<T>(make: impl FnMut() -> T) -> Box<[T; CHUNK]> {
    let all: Box<[T]> = std::iter::repeat_with(make).take(CHUNK).collect();
    all.try_into().unwrap_or_else(|_| unreachable!("so many were taken"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OP: Op = Op::Close { fd: -1 };

    #[test]
    fn a_key_of_a_retired_record_finds_nothing_even_when_its_place_is_reused() {
        let mut slab = Slab::new();
        let old = slab.insert(&OP, 1, State::Submitted);
        assert_eq!(slab.retire(old), Some(1));
        let new = slab.insert(&OP, 2, State::Submitted);
        assert_eq!(old.index(), new.index());
        assert!(slab.get(old).is_none() && slab.retire(old).is_none());
        assert_eq!(slab.get(new).map(|record| record.word), Some(2));
    }

    #[test]
    fn only_what_the_kernel_alone_has_retires_by_its_answer() {
        let mut slab = Slab::new();
        let submitted = slab.insert(&OP, 1, State::Submitted);
        let polling = slab.insert(&OP, 2, State::Polling);
        assert_eq!(slab.retire_submitted(submitted), Some(1));
        assert_eq!(slab.retire_submitted(submitted), None);
        assert_eq!(slab.retire_submitted(polling), None);
        assert_eq!(slab.retire(polling), Some(2));
        assert_eq!(slab.len(), 0);
    }

    #[test]
    fn headers_never_move_and_are_an_operations_own() {
        let mut slab = Slab::new();
        let key = slab.insert(&OP, 0, State::Submitted);
        let before = slab.header(key);
        for word in 0..10_000 {
            let other = slab.insert(&OP, word, State::Submitted);
            assert_ne!(slab.header(other), before);
        }
        assert_eq!(slab.header(key), before);
        assert_eq!(slab.len(), 10_001);
        assert_eq!(slab.keys().len(), 10_001);
    }
}
