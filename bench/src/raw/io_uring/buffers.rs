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
    tail: u16,
}

/// How many buffers there are: enough for the messages of one batch, and so few that they stay in the cache.
const COUNT: u16 = 512;

/// What lies between two buffers: at distances of whole pages, their first bytes would share a set of the cache.
const GAP: usize = 64;

impl Buffers {
    /// Registers buffers of so many bytes each.
    pub fn register(ring: &Submitter<'_>, size: usize) -> io::Result<Self> {
        const PAGE: usize = 4_096;
        let entries = allocate::<BufRingEntry>(size_of::<BufRingEntry>() * usize::from(COUNT), PAGE);
        let memory = allocate::<u8>((size + GAP) * usize::from(COUNT), PAGE);
        let address = entries.as_ptr() as u64;
        // SAFETY: there are `COUNT` entries at the address, page-aligned, and they are never freed.
        unsafe { ring.register_buf_ring_with_flags(address, COUNT, GROUP, 0)? };
        let mut buffers = Self { entries, memory, size, tail: 0 };
        for id in 0..COUNT {
            buffers.give_back(id);
        }
        buffers.publish();
        Ok(buffers)
    }

    /// Where the bytes of the buffer with this number are.
    pub fn start(&self, id: u16) -> *const u8 {
        assert!(id < COUNT, "the kernel knows of no other buffers");
        // SAFETY: the memory is `COUNT` times as long as a buffer and a gap.
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
        let (address, slot) = (self.start(id) as u64, usize::from(self.tail % COUNT));
        // SAFETY: the slot lies in the array of `COUNT` entries. It is behind the tail that was published, where the
        // kernel doesn't look, for no more than `COUNT` buffers exist.
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
    // SAFETY: the layout's size is not zero: there are `COUNT` entries, and `COUNT` buffers of some bytes each.
    let memory = unsafe { alloc_zeroed(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout)).cast()
}
