//! Slabs: one mapping each, cut into up to 64 stacks of one size class.

use crate::origin::{Origin, PoolId};
use crate::os;
use crate::size_class::{Geometry, SizeClass};
use crate::{GuardKind, Stack};
use std::io;
use std::ptr::NonNull;

/// [`Slabs::settle`] gives back one in so many of the slabs that were not needed.
const SETTLED_SHARE: usize = 32;
/// And no more than these: unmapping a thousand touched stacks takes the kernel about a millisecond.
const SETTLED_AT_ONCE: usize = 16;

/// One mapping. Each of its stacks is
///
/// - *untouched*: never handed out, has no guard yet; these are the highest indices, `cut..count`
/// - or *out*: handed out, or at hand in the pool; no bit in `free`
/// - or *free*: a bit in `free`, and one in `used` too if it was handed out since its memory last went back
#[derive(Debug)]
struct Slab {
    base: NonNull<u8>,
    free: u64,
    used: u64,
    /// How many stacks have been cut so far.
    cut: u8,
    /// How many stacks there is room for.
    count: u8,
    /// Whether `Slabs::emptied` names it.
    listed: bool,
}

/// All slabs of one size class.
///
/// A place in `slabs` is a slab's index as long as it is mapped; places of unmapped slabs are used again.
#[derive(Debug)]
pub(crate) struct Slabs {
    pool: PoolId,
    class: SizeClass,
    slabs: Vec<Option<Slab>>,
    /// Places that hold no slab.
    vacant: Vec<u32>,
    /// No slab before this place has a stack to give.
    first_open: usize,
    /// How many slabs are mapped, and how many of these have no stack out.
    mapped: usize,
    empty: usize,
    /// The fewest that were empty at a time since the last `settle`: so many were not needed meanwhile.
    fewest_empty: usize,
    /// Places whose slabs ran empty at some time, each at most once. They may have been opened again since.
    emptied: Vec<u32>,
}

/// What a slab could not get.
#[derive(Debug)]
pub(crate) enum SlabError {
    Reserve(io::Error),
    Guard(GuardKind, io::Error),
}

// SAFETY: a slab is memory that only its owner hands out; nothing about it is tied to a thread.
unsafe impl Send for Slab {}

impl Slab {
    fn reserve(class: SizeClass) -> io::Result<Slab> {
        let mut count = class.stacks_per_slab();
        loop {
            match os::reserve(count * class.geometry().stride) {
                Ok(base) => {
                    return Ok(Slab { base, free: 0, used: 0, cut: 0, count: count as u8, listed: false });
                }
                // Where address space is short (`ulimit -v`, strict accounting), a smaller piece may still be had.
                Err(_) if count > 1 => count = count.div_ceil(8),
                Err(error) => return Err(error),
            }
        }
    }

    fn is_open(&self) -> bool {
        self.free != 0 || self.cut < self.count
    }

    /// Whether all stacks that were ever cut are free.
    fn is_empty(&self) -> bool {
        self.free.count_ones() == u32::from(self.cut)
    }

    fn bytes(&self, class: SizeClass) -> usize {
        usize::from(self.count) * class.geometry().stride
    }

    /// Takes a stack that has been used before, else the next one, which gets its guard now.
    fn take(&mut self, class: SizeClass, guard: Option<GuardKind>) -> Result<u8, SlabError> {
        if self.free != 0 {
            let index = self.free.trailing_zeros();
            self.free &= self.free - 1;
            self.used |= 1 << index;
            return Ok(index as u8);
        }
        let index = self.cut;
        let guarded = self.base.as_ptr().wrapping_add(usize::from(index) * class.geometry().stride);
        // SAFETY: a slot that was never handed out, in a mapping of ours.
        unsafe { make_guard(guard, guarded, class.geometry()) }?;
        self.cut += 1;
        self.used |= 1 << index;
        Ok(index)
    }

    /// Gives the memory of free stacks back, as far as they have any.
    fn discard_free(&mut self, class: SizeClass) {
        let geometry = class.geometry();
        let mut dirty = self.free & self.used;
        while dirty != 0 {
            let index = dirty.trailing_zeros();
            dirty &= dirty - 1;
            let limit = self.base.as_ptr().wrapping_add(index as usize * geometry.stride + geometry.guard);
            // SAFETY: everything above the guard of a free stack; nobody has frames there.
            let discarded = unsafe { os::discard(limit, geometry.stride - geometry.guard) };
            // Locked memory can't be given back; it stays marked and is tried again next time.
            if discarded.is_ok() {
                self.used &= !(1 << index);
            }
        }
    }
}

/// Makes a guard of the kind asked for. Left free to choose, it takes the best, and `mprotect` where that fails for
/// this range alone (memory that was locked after the choice was made).
///
/// # Safety
///
/// The slot is one of a slab's, and nothing in it is in use.
unsafe fn make_guard(kind: Option<GuardKind>, slot: *mut u8, geometry: Geometry) -> Result<(), SlabError> {
    let Geometry { guard, stride, .. } = geometry;
    let best = os::default_guard();
    let first = kind.unwrap_or(best);
    if first == GuardKind::Install && best != GuardKind::Install {
        os::probe(first).map_err(|error| SlabError::Guard(first, error))?;
    }
    // SAFETY: the caller's promise is the same.
    let Err(error) = (unsafe { os::guard(first, slot, guard, stride) }) else { return Ok(()) };
    if kind.is_some() || first != GuardKind::Install {
        return Err(SlabError::Guard(first, error));
    }
    // SAFETY: the caller's promise is the same.
    unsafe { os::guard(GuardKind::Protect, slot, guard, stride) }
        .map_err(|error| SlabError::Guard(GuardKind::Protect, error))
}

impl Slabs {
    pub(crate) fn new(pool: PoolId, class: SizeClass) -> Slabs {
        Slabs {
            pool,
            class,
            slabs: Vec::new(),
            vacant: Vec::new(),
            first_open: 0,
            mapped: 0,
            empty: 0,
            fewest_empty: 0,
            emptied: Vec::new(),
        }
    }

    /// A stack of the oldest slab that has one, or of a new slab.
    pub(crate) fn allocate(&mut self, guard: Option<GuardKind>) -> Result<Stack, SlabError> {
        let place = self.open_slab().map_err(SlabError::Reserve)?;
        let slab = self.slabs[place].as_mut().expect("an open slab is mapped");
        let was_empty = slab.is_empty();
        let index = slab.take(self.class, guard)?;
        self.empty -= usize::from(was_empty);
        self.fewest_empty = self.fewest_empty.min(self.empty);
        Ok(Stack::cut(slab.base, Origin::new(self.pool, self.class, place as u32, index)))
    }

    /// The first place with a slab that has a stack to give; maps one if there is none.
    fn open_slab(&mut self) -> io::Result<usize> {
        let is_open = |slab: &Option<Slab>| slab.as_ref().is_some_and(Slab::is_open);
        if let Some(distance) = self.slabs[self.first_open..].iter().position(is_open) {
            self.first_open += distance;
            return Ok(self.first_open);
        }
        let place = self.vacant.last().map_or(self.slabs.len(), |&place| place as usize);
        if place == Origin::MOST_SLABS {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let slab = Slab::reserve(self.class)?;
        self.vacant.pop();
        self.mapped += 1;
        self.empty += 1;
        if place == self.slabs.len() {
            self.slabs.push(None);
        }
        self.slabs[place] = Some(slab);
        self.first_open = place;
        Ok(place)
    }

    /// Takes a stack back that was cut from one of these slabs.
    pub(crate) fn free_stack(&mut self, stack: &Stack) {
        let (place, index) = (stack.origin().slab(), stack.origin().index());
        let slab = self.slabs[place].as_mut().expect("a slab with a stack out stays mapped");
        debug_assert_eq!(slab.free & (1 << index), 0, "a stack is freed once");
        slab.free |= 1 << index;
        if slab.is_empty() {
            self.empty += 1;
            if !slab.listed {
                slab.listed = true;
                self.emptied.push(place as u32);
            }
        }
        self.first_open = self.first_open.min(place);
    }

    /// Unmaps some of the slabs that have been empty ever since the last call, the last to run empty first: one of
    /// [`SETTLED_SHARE`], and no more than [`SETTLED_AT_ONCE`], so that no call takes long.
    pub(crate) fn settle(&mut self) {
        let surplus = self.fewest_empty.div_ceil(SETTLED_SHARE).min(SETTLED_AT_ONCE);
        for _ in 0..surplus {
            if !self.release_one() {
                break;
            }
        }
        self.fewest_empty = self.empty;
    }

    /// How many slabs have no stack out.
    pub(crate) fn empty(&self) -> usize {
        self.empty
    }

    /// Unmaps all empty slabs.
    pub(crate) fn release_empty(&mut self) {
        while self.release_one() {}
    }

    /// Unmaps the slab that ran empty last; `false` if there is none or it can't be unmapped.
    fn release_one(&mut self) -> bool {
        while let Some(place) = self.emptied.pop() {
            let slot = &mut self.slabs[place as usize];
            let slab = slot.as_mut().expect("a slab leaves the list of the emptied before it is unmapped");
            slab.listed = false;
            if slab.is_empty() {
                let slab = slot.take().expect("it was there a moment ago");
                return self.release(place, slab);
            }
        }
        false
    }

    fn release(&mut self, place: u32, mut slab: Slab) -> bool {
        // SAFETY: all stacks of the slab are free: nobody has frames there, and no `Stack` names a part of it.
        if unsafe { os::release(slab.base.as_ptr(), slab.bytes(self.class)) }.is_ok() {
            self.mapped -= 1;
            self.empty -= 1;
            self.vacant.push(place);
            return true;
        }
        // Taking the slab out of the middle of a larger mapping can need one mapping more than the process may have.
        // Then its memory goes back all the same, and the slab itself stays in stock for a later attempt.
        slab.discard_free(self.class);
        slab.listed = true;
        self.slabs[place as usize] = Some(slab);
        self.emptied.push(place);
        false
    }

    /// Gives all unused memory back.
    pub(crate) fn trim(&mut self) {
        self.release_empty();
        for slab in self.slabs.iter_mut().flatten() {
            slab.discard_free(self.class);
        }
        if self.mapped == 0 {
            *self = Slabs::new(self.pool, self.class);
        }
    }

    /// Stacks that can be handed out without a system call.
    pub(crate) fn free(&self) -> usize {
        self.slabs.iter().flatten().map(|slab| slab.free.count_ones() as usize).sum()
    }

    /// Slabs that are mapped.
    pub(crate) fn count(&self) -> usize {
        self.mapped
    }

    /// Address space that is mapped, in bytes.
    pub(crate) fn mapped_bytes(&self) -> usize {
        self.slabs.iter().flatten().map(|slab| slab.bytes(self.class)).sum()
    }
}
