//! What is known of a TCP connection's readiness without asking.
//!
//! ```text
//!   an event            sets what it tells          the descriptor may be ready
//!   EAGAIN              clears what was tried       it is not, and an event will come when it is again
//!   a short receive     clears "readable"           the same, unless the connection is ending or urgent data is about
//! ```
//!
//! An edge-triggered registration gives an event for everything that comes after the call that found nothing. Only the
//! driver's own thread takes the events, and it clears right after that call: what came in between is still to be told.
//! So an operation that would find nothing waits without being tried.
//!
//! This holds for TCP. Other sockets have borders that a receive stops at, and everything else is tried as before.

use super::os::{PEER_CLOSED, RawSlice};
use super::system_calls::MAX_SLICES;
use crate::handle::Target;
use crate::op::{Interest, Op};

/// What an event may say although nobody asked.
pub(super) const ALWAYS: u32 = (libc::POLLERR | libc::POLLHUP) as u32;

/// What a lasting registration asks for beside what is waited for: with one of these told, a short receive proves nothing.
/// The end of the stream gives no event of its own if it came along with the last bytes, and a receive stops at urgent
/// data, with more behind it.
pub(super) const BORDERS: u32 = PEER_CLOSED | libc::POLLPRI as u32;

/// The readiness of one registered descriptor, as far as it was told.
pub(crate) struct Edges {
    /// What the descriptor may be ready for: all but what it was found not to be.
    ready: u32,
    /// A border was told of, and stays for good.
    has_borders: bool,
}

impl Default for Edges {
    /// Nothing is known, so everything is possible; but errors and hang-ups are told as soon as a descriptor is registered.
    fn default() -> Edges {
        Edges { ready: !ALWAYS, has_borders: false }
    }
}

impl Edges {
    /// An event has come.
    pub(crate) fn tell(&mut self, events: u32) {
        self.ready |= events;
        self.has_borders |= events & (BORDERS | ALWAYS) != 0;
    }

    /// The operation found the descriptor not ready. Only a poll has looked for errors and hang-ups too.
    pub(crate) fn found_nothing(&mut self, op: &Op) {
        let always = if let Op::Poll { .. } = op { ALWAYS } else { 0 };
        self.ready &= !(op.interest().bits() | always);
    }

    /// A receive had more room than there were bytes.
    pub(crate) fn received_short(&mut self) {
        if !self.has_borders {
            self.ready &= !Interest::READABLE.bits();
        }
    }

    /// Whether the descriptor is known not to be ready for any of `interest`.
    pub(crate) fn rule_out(&self, interest: Interest) -> bool {
        self.ready & (interest.bits() | ALWAYS) == 0
    }

    /// What of `events`, which have just been told, concerns `interest` and is still there.
    pub(crate) fn left(&self, events: u32, interest: Interest) -> u32 {
        self.ready & events & (interest.bits() | ALWAYS)
    }
}

/// Whether the operation's outcome tells of its descriptor's readiness, and the other way round: it moves bytes of a TCP
/// stream in order, or waits for that.
///
/// # Safety
///
/// What the operation points to is valid, and so is its handle.
pub(super) unsafe fn follows_edges(op: &Op) -> bool {
    let room = match *op {
        Op::Poll { .. } => 1,
        Op::RecvShared { .. } => Op::MOST_SHARED,
        Op::Recv { len, flags: 0, .. } | Op::Send { len, flags: 0, .. } => len,
        // SAFETY: the slices are valid by contract.
        Op::RecvVectored { slices, count, .. } => unsafe { room(slices, count) },
        // SAFETY: as above.
        Op::SendVectored { slices, count, .. } => unsafe { room(slices, count) },
        _ => 0,
    };
    // To send nothing takes no room.
    // SAFETY: the handle is alive by contract.
    room > 0 && op.target().is_some_and(|target| unsafe { is_tcp(target) })
}

/// Whether the operation was a receive that would have taken more than `count` bytes.
///
/// # Safety
///
/// As for [`follows_edges`].
pub(super) unsafe fn came_short(op: &Op, received: u32) -> bool {
    let room = match *op {
        Op::Recv { len, .. } => len,
        Op::RecvShared { .. } => Op::MOST_SHARED,
        // SAFETY: the slices are valid by contract.
        Op::RecvVectored { slices, count, .. } => unsafe { room(slices, count) },
        _ => 0,
    };
    received > 0 && (received as usize) < room
}

/// # Safety
///
/// The slices are valid.
unsafe fn room(slices: *const RawSlice, count: usize) -> usize {
    // SAFETY: by contract.
    let slice = |index| unsafe { (*slices.add(index)).iov_len };
    (0..count.min(MAX_SLICES)).fold(0, |sum: usize, index| sum.saturating_add(slice(index)))
}

/// Whether it is a handle for a TCP connection, or what may become one.
///
/// # Safety
///
/// If `target` names a handle, that is alive.
pub(super) unsafe fn is_tcp(target: Target) -> bool {
    // SAFETY: by contract.
    let handle = unsafe { target.registrations() };
    handle.is_some_and(|handle| handle.get_or_make().is_tcp(target.fd()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const READABLE: u32 = Interest::READABLE.bits();
    const WRITABLE: u32 = Interest::WRITABLE.bits();

    fn recv() -> Op {
        Op::Recv { fd: Target::foreign(0), buffer: std::ptr::null_mut(), len: 1, flags: 0 }
    }

    #[test]
    fn directions_are_apart_and_an_event_sets_what_it_tells() {
        let mut edges = Edges::default();
        assert!(!edges.rule_out(Interest::READABLE) && !edges.rule_out(Interest::WRITABLE));
        edges.found_nothing(&recv());
        assert!(edges.rule_out(Interest::READABLE) && !edges.rule_out(Interest::WRITABLE));
        assert!(!edges.rule_out(Interest::READABLE | Interest::WRITABLE));
        edges.tell(WRITABLE);
        assert!(edges.rule_out(Interest::READABLE));
        edges.tell(READABLE | WRITABLE);
        assert!(!edges.rule_out(Interest::READABLE));
        edges.received_short();
        assert!(edges.rule_out(Interest::READABLE));
        assert_eq!(edges.left(READABLE | WRITABLE, Interest::READABLE), 0);
        assert_eq!(edges.left(READABLE | WRITABLE, Interest::WRITABLE), WRITABLE);
    }

    #[test]
    fn with_a_border_told_a_short_receive_proves_nothing_but_an_empty_one_does() {
        for border in [BORDERS, PEER_CLOSED, libc::POLLPRI as u32, libc::POLLHUP as u32, libc::POLLERR as u32]
        {
            let mut edges = Edges::default();
            edges.tell(READABLE | border);
            edges.received_short();
            assert!(!edges.rule_out(Interest::READABLE), "{border:#x}");
        }
        let mut edges = Edges::default();
        edges.tell(READABLE | BORDERS);
        edges.found_nothing(&recv());
        assert!(edges.rule_out(Interest::READABLE));
    }

    #[test]
    fn only_a_poll_finds_that_an_error_is_gone() {
        let mut edges = Edges::default();
        edges.tell(libc::POLLERR as u32);
        edges.found_nothing(&recv());
        assert!(!edges.rule_out(Interest::READABLE));
        edges.found_nothing(&Op::Poll { fd: Target::foreign(0), interest: Interest::READABLE });
        assert!(edges.rule_out(Interest::READABLE));
    }
}
