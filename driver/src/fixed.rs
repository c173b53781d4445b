//! Fixed files and fixed memory: what rings know by a number.
//!
//! Of what a read costs, to look its descriptor up and to find the pages of its buffer is a part. A ring does both once for what is
//! fixed, and knows it by the place in a table of its own.
//!
//! ```text
//!   a handle is fixed, memory is made ─► the process: a slot, and an id that is never given twice
//!   a ring's first operation on it    ─► the same slot in the ring's table; the ring is a keeper
//!   the handle closes, memory goes    ─► the slot is free; the keepers wake up, and let go of it in their next turn
//! ```
//!
//! A ring that has not heard of that yet still takes nobody's file for another's: it compares ids, and slots don't count. Nor does it
//! take new memory for old that lay there: before memory is freed the [changes](changes) have been counted on, and a ring looks at
//! their number before it looks for memory.

use std::alloc::{self, Layout};
use std::fmt;
use std::io;
use std::num::NonZeroU64;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::unpark::Parking;

/// So many files, and so many pieces of memory, are fixed at a time. More are used as if they were not.
pub(crate) const SLOTS: usize = 64;

/// How many times something was fixed, or let go.
static CHANGES: AtomicU64 = AtomicU64::new(0);
static REGISTER: Mutex<Register> = Mutex::new(Register { ids: 0, files: Vec::new(), memory: Vec::new() });

/// Names what is fixed: its slot, and a number that nothing else has had or will have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Id(NonZeroU64);

impl Id {
    const SLOT_BITS: u32 = SLOTS.trailing_zeros();

    pub(crate) fn slot(self) -> usize {
        self.0.get() as usize % SLOTS
    }

    #[allow(dead_code, reason = "on Windows no handle is fixed")]
    pub(crate) fn to_bits(self) -> u64 {
        self.0.get()
    }

    pub(crate) fn from_bits(bits: u64) -> Option<Id> {
        NonZeroU64::new(bits).map(Id)
    }
}

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    #[allow(dead_code, reason = "on Windows no handle is fixed")]
    File,
    Memory,
}

/// Where memory is. A file is nowhere.
#[derive(Clone, Copy, Default)]
pub(crate) struct Span {
    pub begin: usize,
    pub len: usize,
}

impl Span {
    /// Whether all of a buffer is in it.
    #[allow(dead_code, reason = "not every system has rings")]
    #[inline]
    pub(crate) fn holds(self, buffer: usize, len: usize) -> bool {
        let before = buffer.wrapping_sub(self.begin);
        before < self.len && len <= self.len - before
    }
}

/// What is fixed in this process.
struct Register {
    /// How many ids were given.
    ids: u64,
    files: Vec<Option<Entry>>,
    memory: Vec<Option<Entry>>,
}

struct Entry {
    id: Id,
    span: Span,
    /// Whose rings have it in their tables.
    keepers: Vec<Weak<Parking>>,
}

impl Register {
    fn lock() -> MutexGuard<'static, Register> {
        REGISTER.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries(&mut self, kind: Kind) -> &mut Vec<Option<Entry>> {
        match kind {
            Kind::File => &mut self.files,
            Kind::Memory => &mut self.memory,
        }
    }

    /// The entry of `id`, in its slot, unless that is empty or another's by now.
    fn entry(&mut self, kind: Kind, id: Id) -> Option<&mut Option<Entry>> {
        let entry = self.entries(kind).get_mut(id.slot())?;
        if entry.as_ref()?.id == id { Some(entry) } else { None }
    }
}

/// How many changes there have been. Whoever is handed memory that was fixed and freed sees the change that came before.
#[allow(dead_code, reason = "not every system has rings")]
#[inline]
pub(crate) fn changes() -> u64 {
    CHANGES.load(Ordering::Acquire)
}

/// Gives a slot, if one is free.
pub(crate) fn add(kind: Kind, span: Span) -> Option<Id> {
    let mut register = Register::lock();
    register.ids += 1;
    let number = register.ids << Id::SLOT_BITS;
    let entries = register.entries(kind);
    let slot = entries.iter().position(Option::is_none).unwrap_or(entries.len());
    if slot == SLOTS {
        return None;
    }
    if slot == entries.len() {
        entries.push(None);
    }
    let id = Id::from_bits(number | slot as u64)?;
    entries[slot] = Some(Entry { id, span, keepers: Vec::new() });
    CHANGES.fetch_add(1, Ordering::Release);
    Some(id)
}

/// Takes the slot back, and has the keepers let go.
pub(crate) fn remove(kind: Kind, id: Id) {
    let mut register = Register::lock();
    let entry = register.entry(kind, id).and_then(Option::take);
    CHANGES.fetch_add(1, Ordering::Release);
    drop(register);
    let keepers = entry.map_or(Vec::new(), |entry| entry.keepers);
    keepers.iter().filter_map(Weak::upgrade).for_each(|keeper| keeper.unpark());
}

/// Notes that a ring has it in its table now.
#[allow(dead_code, reason = "not every system has rings")]
pub(crate) fn note_keeper(kind: Kind, id: Id, keeper: &Arc<Parking>) {
    if let Some(Some(entry)) = Register::lock().entry(kind, id) {
        entry.keepers.retain(|known| known.strong_count() > 0);
        entry.keepers.push(Arc::downgrade(keeper));
    }
}

/// Everything of a kind that is fixed.
#[allow(dead_code, reason = "not every system has rings")]
pub(crate) fn all(kind: Kind) -> Vec<(Id, Span)> {
    Register::lock().entries(kind).iter().flatten().map(|entry| (entry.id, entry.span)).collect()
}

/// Memory for the buffers of reads and writes, which a ring knows: it finds and holds the pages when it first gets to do with
/// them, and not for each operation.
///
/// An operation of which the whole buffer lies within it profits, on whichever driver. On backends without a ring it is memory
/// like any other, and so it is if the kernel doesn't let the process hold so much (`RLIMIT_MEMLOCK`), if it is more than 1 GiB, and
/// beyond 64 of them.
///
/// It is zeroed, and begins at a multiple of 4,096, as files that were opened with `O_DIRECT` want it. The pages are
/// resident from a ring's first operation on, and go back to the system when every driver that had one has turned again after
/// this was dropped.
///
/// ```
/// use fibra_driver::{Config, Driver, FixedMemory, Handle, Offset, Op, Submission, Wait};
/// let memory = FixedMemory::new(8192)?;
/// let file = Handle::new(std::fs::File::open("Cargo.toml")?.into());
/// let mut driver = Driver::new(&Config::default())?;
/// let op = Op::Read { fd: file.target(), buffer: memory.as_ptr(), len: 4096, offset: Offset::at(0) };
/// // SAFETY: the memory is left alone, and the file open, until the read has ended.
/// let read = match unsafe { driver.submit(&op, 0) } {
///     Submission::Complete(result) => result?,
///     Submission::Pending(_) => {
///         let mut completions = Vec::new();
///         driver.turn(Wait::Forever, &mut completions)?;
///         completions.remove(0).result?
///     }
/// };
/// // SAFETY: so many bytes were read, and the operation is over.
/// let text = unsafe { std::slice::from_raw_parts(memory.as_ptr(), read as usize) };
/// assert!(text.starts_with(b"[package]"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct FixedMemory {
    begin: NonNull<u8>,
    layout: Layout,
    id: Option<Id>,
}

// SAFETY: it is memory that nothing here reads or writes but its allocator.
unsafe impl Send for FixedMemory {}
// SAFETY: as above.
unsafe impl Sync for FixedMemory {}

impl FixedMemory {
    /// What it begins at a multiple of, in bytes: no file or device asks for more of a buffer that it transfers without the page cache.
    ///
    /// ```
    /// assert_eq!(fibra_driver::FixedMemory::ALIGNMENT, 4096);
    /// ```
    pub const ALIGNMENT: usize = 4096;

    /// `len` bytes of it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for nothing, or for more than there are addresses; `OutOfMemory`.
    ///
    /// ```
    /// let memory = fibra_driver::FixedMemory::new(100)?;
    /// assert_eq!((memory.len(), memory.as_ptr() as usize % 4096), (100, 0));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(len: usize) -> io::Result<FixedMemory> {
        let layout =
            Layout::from_size_align(len, Self::ALIGNMENT).map_err(|_| io::ErrorKind::InvalidInput)?;
        if len == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: the layout is not empty.
        let begin = NonNull::new(unsafe { alloc::alloc_zeroed(layout) }).ok_or(io::ErrorKind::OutOfMemory)?;
        let id = add(Kind::Memory, Span { begin: begin.addr().get(), len });
        Ok(FixedMemory { begin, layout, id })
    }

    /// The first byte.
    ///
    /// ```
    /// let memory = fibra_driver::FixedMemory::new(1)?;
    /// // SAFETY: it is there, and nobody writes to it.
    /// assert_eq!(unsafe { *memory.as_ptr() }, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn as_ptr(&self) -> *mut u8 {
        self.begin.as_ptr()
    }

    /// How many bytes there are.
    ///
    /// ```
    /// assert_eq!(fibra_driver::FixedMemory::new(4096)?.len(), 4096);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for FixedMemory {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            remove(Kind::Memory, id);
        }
        // SAFETY: it came from there with this layout. The kernel may hold the pages for a while; it writes to them for
        // operations only, and those have ended: they point to this memory.
        unsafe { alloc::dealloc(self.begin.as_ptr(), self.layout) }
    }
}

impl fmt::Debug for FixedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedMemory").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_held_only_as_a_whole() {
        let span = Span { begin: 4096, len: 8192 };
        assert!(span.holds(4096, 8192) && span.holds(12_287, 1) && span.holds(5000, 0));
        assert!(!span.holds(4095, 1) && !span.holds(12_287, 2) && !span.holds(12_288, 0));
        assert!(!span.holds(5000, usize::MAX) && !span.holds(usize::MAX, 1));
        assert!(!Span::default().holds(0, 0));
    }

    #[test]
    fn an_id_is_never_given_twice_though_a_slot_is() {
        let first = add(Kind::File, Span::default()).expect("there is room");
        remove(Kind::File, first);
        let second = add(Kind::File, Span::default()).expect("there is room");
        assert_ne!(first, second);
        assert_eq!(Id::from_bits(second.to_bits()), Some(second));
        remove(Kind::File, first);
        assert!(all(Kind::File).iter().any(|(id, _)| *id == second), "an old id frees nothing");
        remove(Kind::File, second);
    }

    #[test]
    fn no_memory_is_no_memory() {
        for len in [0, usize::MAX] {
            let error = FixedMemory::new(len).expect_err("there can't be");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
