//! Provided buffers: the kernel takes one when there is something to put into it.

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::io;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering::Release};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

/// The only group of buffers that a ring has here.
pub const GROUP: u16 = 0;

/// Buffers that a ring shares with the kernel. They are never freed: the rings live as long as the process.
pub struct Buffers {
    entries: NonNull<BufRingEntry>,
    memory: NonNull<u8>,
    size: usize,
    /// How many buffers there are: those with the numbers below this one.
    count: u16,
    tail: u16,
}

/// How many buffers there may be at most, which is the ring's size.
const CAPACITY: u16 = 4_096;

/// How many buffers there are at first, and how many are added: as few as will do stay in the cache, since the kernel
/// takes them in turn.
const STEP: u16 = 128;

/// What lies between two buffers: at distances of whole pages, their first bytes would share a set of the cache.
const GAP: usize = 64;

impl Buffers {
    /// Registers buffers of so many bytes each.
    pub fn register(ring: &Submitter<'_>, size: usize) -> io::Result<Self> {
        const PAGE: usize = 4_096;
        let entries = allocate::<BufRingEntry>(size_of::<BufRingEntry>() * usize::from(CAPACITY), PAGE);
        let memory = allocate::<u8>((size + GAP) * usize::from(CAPACITY), PAGE);
        let address = entries.as_ptr() as u64;
        // SAFETY: there are `CAPACITY` entries at the address, page-aligned, and they are never freed.
        unsafe { ring.register_buf_ring_with_flags(address, CAPACITY, GROUP, 0)? };
        let mut buffers = Self { entries, memory, size, count: 0, tail: 0 };
        buffers.grow();
        buffers.publish();
        Ok(buffers)
    }

    /// Adds some buffers, for when there was none left; the kernel sees them after the next [`publish`](Self::publish).
    pub fn grow(&mut self) {
        let more = self.count..CAPACITY.min(self.count + STEP);
        self.count = more.end;
        for id in more {
            self.give_back(id);
        }
    }

    /// Where the bytes of the buffer with this number are.
    pub fn start(&self, id: u16) -> *const u8 {
        assert!(id < self.count, "the kernel knows of no other buffers");
        // SAFETY: the memory is `CAPACITY` times as long as a buffer and a gap.
        unsafe { self.memory.add(usize::from(id) * (self.size + GAP)) }.as_ptr()
    }

    /// The bytes of the buffer with this number.
    ///
    /// # Safety
    ///
    /// The kernel has handed the buffer out, and it has not been given back.
    pub unsafe fn bytes(&mut self, id: u16) -> &mut [u8] {
        // SAFETY: the buffer's bytes lie in the memory, which is initialised and never freed. The kernel does not write to
        // a buffer that it has handed out, and the reference to `self` keeps others from being made.
        unsafe { slice::from_raw_parts_mut(self.start(id).cast_mut(), self.size) }
    }

    /// Puts a buffer back; the kernel sees it after the next [`publish`](Self::publish).
    pub fn give_back(&mut self, id: u16) {
        let (address, slot) = (self.start(id) as u64, usize::from(self.tail % CAPACITY));
        // SAFETY: the slot lies in the array of `CAPACITY` entries. It is behind the tail that was published, where the
        // kernel doesn't look, for no more than `CAPACITY` buffers exist.
        let entry = unsafe { self.entries.add(slot).as_mut() };
        entry.set_addr(address);
        entry.set_len(self.size as u32);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Lets the kernel see what was put back.
    pub fn publish(&self) {
        // SAFETY: the pointer is that of the first entry, and all entries are initialised.
        let tail = unsafe { BufRingEntry::tail(self.entries.as_ptr()) };
        // SAFETY: the tail is a `u16` in the array of entries, which nobody frees. The kernel reads it at the same time
        // as an atomic; this thread alone writes it. That it lies in the unused part of the first entry, and is written
        // through no reference, keeps it apart from `give_back`.
        unsafe { AtomicU16::from_ptr(tail.cast_mut()) }.store(self.tail, Release);
    }
}

fn allocate<T>(bytes: usize, alignment: usize) -> NonNull<T> {
    let layout = Layout::from_size_align(bytes, alignment).expect("a few MiB fit the address space");
    // SAFETY: the layout's size is not zero: there are `CAPACITY` entries, and `CAPACITY` buffers of some bytes each.
    let memory = unsafe { alloc_zeroed(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout)).cast()
}
