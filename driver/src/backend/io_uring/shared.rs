//! Memory for receives that wait, shared by all of them.
//!
//! ```text
//!   entries  [ 3 ][ 7 ][ 1 ] …          which buffers are the kernel's to take, and where they lie
//!                 ▲ tail                moved by us alone: a buffer that was emptied is the kernel's again
//!   buffers  [ … ][ … ][ … ][ … ]       one is taken when bytes have come, and is ours until its completion is seen
//! ```
//!
//! The bytes move on into the operation's own vector as its completion is seen, so a buffer is away for a moment only. If
//! more receives end at once than there are buffers, the rest are told so, and get memory of their own.

use std::alloc::{self, Layout};
use std::io;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::squeue::{self, Flags};
use io_uring::types::BufRingEntry;
use io_uring::{IoUring, opcode, types};

use crate::op::Op;

/// How many buffers there are: a power of two, as the kernel wants it.
const COUNT: u16 = 128;
const SIZE: usize = Op::MOST_SHARED;
/// The entries have a page to themselves: the kernel pins it.
const PAGE: usize = 4096;
/// The only group of buffers that a ring has here.
const GROUP: u16 = 0;

const LAYOUT: Layout = match Layout::from_size_align(PAGE + COUNT as usize * SIZE, PAGE) {
    Ok(layout) => layout,
    Err(_) => panic!("a page and some buffers are no layout"),
};

/// The buffers of one ring, or that it has none.
pub(super) enum Shared {
    Untried,
    /// The kernel has none of this (before Linux 5.19), or no memory for it.
    Refused,
    There(Buffers),
}

impl Shared {
    /// The entry that receives into a shared buffer, if the ring has some. They are made when they are first asked for.
    pub(super) fn receive(&mut self, ring: &IoUring, socket: i32) -> Option<squeue::Entry> {
        if let Shared::Untried = self {
            *self = Buffers::register(ring).map_or(Shared::Refused, Shared::There);
        }
        let Shared::There(_) = self else { return None };
        // Not with `IORING_RECVSEND_POLL_FIRST`: under load the bytes are often there by the end of the turn, and to have asked
        // first then costs 5 % of a request.
        let fd = types::Fd(socket);
        let receive = opcode::Recv::new(fd, std::ptr::null_mut(), 0).buf_group(GROUP);
        Some(receive.build().flags(Flags::BUFFER_SELECT))
    }

    /// A completion has come with a buffer: appends the `count` bytes in it to `bytes`, and gives the buffer
    /// back to the kernel.
    pub(super) fn empty(&mut self, buffer: u16, count: usize, bytes: &mut Vec<u8>) {
        let Shared::There(buffers) = self else { return };
        bytes.extend_from_slice(buffers.filled(buffer, count));
        buffers.provide(buffer);
    }

    /// The kernel may write to the buffers for ever.
    pub(super) fn leak(&mut self) {
        std::mem::forget(std::mem::replace(self, Shared::Refused));
    }
}

pub(super) struct Buffers {
    /// Entries, and buffers behind them; of [`LAYOUT`].
    memory: NonNull<u8>,
    /// What the kernel sees as the tail of the entries.
    tail: u16,
}

impl Buffers {
    fn register(ring: &IoUring) -> io::Result<Buffers> {
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc::alloc_zeroed(LAYOUT) };
        let memory = NonNull::new(memory).ok_or(io::ErrorKind::OutOfMemory)?;
        let mut buffers = Buffers { memory, tail: 0 };
        // SAFETY: the entries are at the beginning of the memory, which is freed after the ring only, or never.
        unsafe { ring.submitter().register_buf_ring_with_flags(memory.as_ptr() as u64, COUNT, GROUP, 0) }?;
        (0..COUNT).for_each(|buffer| buffers.provide(buffer));
        Ok(buffers)
    }

    fn buffer(&self, buffer: u16) -> *mut u8 {
        assert!(buffer < COUNT, "the kernel has taken a buffer that there isn't");
        // SAFETY: it lies in the memory.
        unsafe { self.memory.as_ptr().add(PAGE + usize::from(buffer) * SIZE) }
    }

    /// What the kernel has written into a buffer that it has taken.
    fn filled(&self, buffer: u16, count: usize) -> &[u8] {
        // SAFETY: the buffer lies in the memory, which was zeroed once; the kernel has filled it and leaves it alone until
        // it is provided again, which takes `&mut self`.
        unsafe { std::slice::from_raw_parts(self.buffer(buffer), count.min(SIZE)) }
    }

    /// Lets the kernel take a buffer (again).
    fn provide(&mut self, buffer: u16) {
        let address = self.buffer(buffer) as u64;
        let entries = self.memory.cast::<BufRingEntry>().as_ptr();
        // SAFETY: the entry is one of the `COUNT` in the first page, which is aligned for them and was zeroed, which is a
        // value. There are no more buffers than entries, so the kernel has left this one. The tail lies in a field of the
        // first entry that nobody else writes, aligned, and is read by the kernel as an atomic.
        unsafe {
            let entry = &mut *entries.add(usize::from(self.tail % COUNT));
            entry.set_addr(address);
            entry.set_len(SIZE as u32);
            entry.set_bid(buffer);
            self.tail = self.tail.wrapping_add(1);
            let tail = AtomicU16::from_ptr(BufRingEntry::tail(entries).cast_mut());
            // Release: the kernel sees the entry when it sees the tail.
            tail.store(self.tail, Ordering::Release);
        }
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // SAFETY: it came from there with this layout; the ring is gone, or has never known it.
        unsafe { alloc::dealloc(self.memory.as_ptr(), LAYOUT) }
    }
}

/// Memory of the vector's own for what is received otherwise.
///
/// # Safety
///
/// The vector is valid, and nobody else's.
pub(super) unsafe fn spare<'a>(bytes: *mut Vec<u8>) -> &'a mut [MaybeUninit<u8>] {
    // SAFETY: by contract.
    let bytes = unsafe { &mut *bytes };
    bytes.reserve(SIZE);
    &mut bytes.spare_capacity_mut()[..SIZE]
}

/// The kernel has written `count` bytes to the [`spare`] memory of the vector.
///
/// # Safety
///
/// As for [`spare`]; and it has.
pub(super) unsafe fn take_up(bytes: *mut Vec<u8>, count: usize) {
    // SAFETY: by contract; there was room for them.
    unsafe {
        let bytes = &mut *bytes;
        bytes.set_len(bytes.len() + count);
    }
}
