//! A ring's tables of what is [fixed](crate::fixed): files and memory that its operations name by a number.
//!
//! Both tables have the slots of the process's own register. An entry comes with the first operation that could use it, and goes
//! in the first turn after its owner has gone.

use std::os::fd::RawFd;
use std::sync::Arc;

use io_uring::IoUring;

use super::entry::Place;
use crate::fixed::{self, Id, Kind, SLOTS, Span};
use crate::handle::Target;
use crate::op::Op;
use crate::unpark::Parking;

/// What a ring has of the fixed things, so far.
pub(super) struct Fixed {
    /// The number of changes that this is up to date with.
    seen: u64,
    files: Table,
    memory: Table,
    /// Which memory there is, whether it is in the table or not.
    spans: Vec<(Id, Span)>,
}

/// Which ids have been put into the slots of one of the ring's tables.
struct Table {
    kind: Kind,
    /// The kernel has made the table. It is asked once.
    exists: Option<bool>,
    seats: [Option<Seat>; SLOTS],
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Seat {
    id: Id,
    /// The kernel has taken it. What it has refused is not tried again.
    is_taken: bool,
}

impl Fixed {
    pub(super) fn new() -> Fixed {
        let (files, memory) = (Table::new(Kind::File), Table::new(Kind::Memory));
        Fixed { seen: 0, files, memory, spans: Vec::new() }
    }

    /// Where the file and the buffer of a read or a write are, as far as they are fixed.
    ///
    /// # Safety
    ///
    /// A handle that `op` names is alive.
    #[inline]
    pub(super) unsafe fn place(&mut self, ring: &IoUring, op: &Op, keeper: &Arc<Parking>) -> Place {
        let (fd, buffer, len) = match *op {
            Op::Read { fd, buffer, len, .. } => (fd, buffer.addr(), len),
            Op::Write { fd, buffer, len, .. } => (fd, buffer.addr(), len),
            _ => return Place::default(),
        };
        self.keep_up(ring);
        if self.seen == 0 {
            return Place::default();
        }
        // SAFETY: by contract.
        let file = unsafe { self.file(ring, fd, keeper) };
        Place { file, memory: self.memory(ring, buffer, len, keeper) }
    }

    /// The slot of a file that is fixed.
    ///
    /// # Safety
    ///
    /// As for [`place`](Self::place).
    unsafe fn file(&mut self, ring: &IoUring, fd: Target, keeper: &Arc<Parking>) -> Option<u32> {
        // SAFETY: by contract.
        let id = unsafe { fd.registrations() }?.get()?.fixed()?;
        self.files.slot(id, ring, Piece::File(fd.fd()), keeper)
    }

    /// The slot of the memory that a buffer lies in.
    fn memory(&mut self, ring: &IoUring, buffer: usize, len: usize, keeper: &Arc<Parking>) -> Option<u16> {
        let (id, span) = self.spans.iter().find(|(_, span)| span.holds(buffer, len)).copied()?;
        self.memory.slot(id, ring, Piece::Memory(span), keeper).map(|slot| slot as u16)
    }

    /// Lets go of what is fixed no longer, and learns of what is new.
    #[inline]
    pub(super) fn keep_up(&mut self, ring: &IoUring) {
        let changes = fixed::changes();
        if changes != self.seen {
            self.seen = changes;
            self.catch_up(ring);
        }
    }

    #[cold]
    fn catch_up(&mut self, ring: &IoUring) {
        self.spans = fixed::all(Kind::Memory);
        self.memory.retain(ring, &self.spans);
        self.files.retain(ring, &fixed::all(Kind::File));
    }
}

/// What goes into a slot.
#[derive(Clone, Copy)]
enum Piece {
    File(RawFd),
    Memory(Span),
    /// Nothing: the slot is to be empty.
    No(Kind),
}

impl Table {
    fn new(kind: Kind) -> Table {
        Table { kind, exists: None, seats: [None; SLOTS] }
    }

    /// The slot of `id`, if the kernel knows it by that. It is told if it isn't yet.
    #[inline]
    fn slot(&mut self, id: Id, ring: &IoUring, piece: Piece, keeper: &Arc<Parking>) -> Option<u32> {
        let seat = match self.seats[id.slot()] {
            Some(seat) if seat.id == id => seat,
            _ => self.take(id, ring, piece, keeper),
        };
        seat.is_taken.then_some(id.slot() as u32)
    }

    #[cold]
    fn take(&mut self, id: Id, ring: &IoUring, piece: Piece, keeper: &Arc<Parking>) -> Seat {
        let exists = *self.exists.get_or_insert_with(|| make_table(ring, self.kind));
        let is_taken = exists && put(ring, id.slot(), piece);
        if is_taken {
            fixed::note_keeper(self.kind, id, keeper);
        }
        let seat = Seat { id, is_taken };
        // What was there before and has gone, the kernel has let go for the new one; if it has refused that, it has the old one still.
        if is_taken || !self.seats[id.slot()].is_some_and(|old| old.is_taken) {
            self.seats[id.slot()] = Some(seat);
        }
        seat
    }

    /// Empties the slots of what is not among `live`. What the kernel does not let go now it will the next time.
    fn retain(&mut self, ring: &IoUring, live: &[(Id, Span)]) {
        for (slot, place) in self.seats.iter_mut().enumerate() {
            let Some(seat) = *place else { continue };
            let is_live = live.iter().any(|(id, _)| *id == seat.id);
            if !is_live && (!seat.is_taken || put(ring, slot, Piece::No(self.kind))) {
                *place = None;
            }
        }
    }
}

/// Whether the kernel could make an empty table; it can since Linux 5.19.
fn make_table(ring: &IoUring, kind: Kind) -> bool {
    let (submitter, slots) = (ring.submitter(), SLOTS as u32);
    match kind {
        Kind::File => submitter.register_files_sparse(slots),
        Kind::Memory => submitter.register_buffers_sparse(slots),
    }
    .is_ok()
}

/// Whether the kernel could put `piece` into a slot of its table. For want of something, as of memory that may be locked, it can't.
fn put(ring: &IoUring, slot: usize, piece: Piece) -> bool {
    let (submitter, slot) = (ring.submitter(), slot as u32);
    let span = match piece {
        Piece::File(fd) => return submitter.register_files_update(slot, &[fd]).is_ok(),
        Piece::No(Kind::File) => return submitter.register_files_update(slot, &[-1]).is_ok(),
        Piece::Memory(span) => span,
        Piece::No(Kind::Memory) => Span::default(),
    };
    let slice = libc::iovec { iov_base: std::ptr::without_provenance_mut(span.begin), iov_len: span.len };
    // SAFETY: the kernel holds the pages itself, and uses them for operations alone whose buffers lie there, which are valid until they end.
    unsafe { submitter.register_buffers_update(slot, &[slice], None) }.is_ok()
}
