//! Who waits for which descriptor.
//!
//! ```text
//!   table, by number     ┌ generation, registered bits, handle ┐
//!     [ 7 ] ────────────►│ first ─► record ─► record ◄─ last   │      the lists run through the records
//!                        └─────────────────────────────────────┘
//! ```
//!
//! A place in the table belongs to whatever has the number now. Its generation goes along with each registration and
//! comes back with each event: an event that was meant for an earlier owner of the number hits nothing.

use std::ptr;
use std::sync::Arc;

use super::edges::{ALWAYS, Edges};
use super::os::RawFd;
use super::registrations::{Lazy, Registrations};
use crate::completion::OpKey;
use crate::handle::Target;
use crate::op::Interest;
use crate::slab::{Link, Links, Slab};

/// One descriptor's place.
#[derive(Default)]
pub(crate) struct Place {
    pub generation: u32,
    /// The interest for which the system watches the descriptor; 0 if it does not.
    pub registered: u32,
    /// What a foreign name for a handle has had the system watch, for one event, before the handle itself came.
    pub passing: u32,
    /// What the events of a lasting registration have told.
    pub edges: Edges,
    /// The handle that owns the number. `None`: a foreign descriptor, watched only while somebody waits.
    owner: Option<Arc<Registrations>>,
    first: Option<OpKey>,
    last: Option<OpKey>,
}

impl Place {
    /// Whether the registration lasts as long as the handle.
    pub(crate) fn is_lasting(&self) -> bool {
        self.owner.is_some()
    }

    pub(crate) fn owner(&self) -> Option<&Registrations> {
        self.owner.as_deref()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Forgets the registration. Events under way become stale.
    pub(crate) fn forget(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        self.registered = 0;
        self.passing = 0;
        self.edges = Edges::default();
        self.owner = None;
    }

    /// What all who wait here wait for, together.
    pub(crate) fn wanted(&self, slab: &mut Slab) -> u32 {
        let mut wanted = 0;
        let mut next = self.first;
        while let Some(record) = next.and_then(|key| slab.get(key)) {
            wanted |= record.op.interest().bits();
            let link = record.links.next;
            next = slab.follow(link);
        }
        wanted
    }

    /// Who waits here for one of `events`.
    pub(crate) fn collect(&self, slab: &mut Slab, events: u32, keys: &mut Vec<OpKey>) {
        let mut next = self.first;
        while let Some((key, record)) = next.and_then(|key| Some((key, slab.get(key)?))) {
            if events & (record.op.interest().bits() | ALWAYS) != 0 {
                keys.push(key);
            }
            let link = record.links.next;
            next = slab.follow(link);
        }
    }
}

/// The places of all descriptors, by number.
#[derive(Default)]
pub(crate) struct Waiters {
    places: Vec<Place>,
    /// How many operations wait.
    count: usize,
}

impl Waiters {
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The place of an event, unless the event is stale.
    pub(crate) fn find(&mut self, fd: RawFd, generation: u32) -> Option<&mut Place> {
        self.places.get_mut(fd as usize).filter(|place| place.generation == generation)
    }

    pub(crate) fn place(&mut self, fd: RawFd) -> &mut Place {
        &mut self.places[fd as usize]
    }

    /// What is known of the readiness of a handle that is watched for `interest`.
    ///
    /// # Safety
    ///
    /// If `target` names a handle, that is alive.
    pub(crate) unsafe fn edges(&mut self, target: Target, interest: Interest) -> Option<&mut Edges> {
        let place = self.places.get_mut(target.fd() as usize)?;
        // SAFETY: by contract.
        let handle = unsafe { target.registrations() }?.get()?;
        let is_owner = ptr::eq(Arc::as_ptr(place.owner.as_ref()?), handle);
        (is_owner && covers(place.registered, interest)).then_some(&mut place.edges)
    }

    /// The place for `target`, cleared of an owner that is gone.
    ///
    /// # Safety
    ///
    /// If `target` names a handle, that is alive.
    pub(crate) unsafe fn admit(&mut self, target: Target) -> &mut Place {
        let index = target.fd() as usize;
        if index >= self.places.len() {
            self.places.resize_with(index + 1, Place::default);
        }
        let place = &mut self.places[index];
        // SAFETY: by contract.
        let handle = unsafe { target.registrations() };
        let is_owner = |owner: &Arc<_>, handle: &Lazy| ptr::eq(Arc::as_ptr(owner), handle.get_or_make());
        let stale = match &place.owner {
            None => false,
            // A foreign name for a handle that is alive joins it.
            Some(owner) => owner.is_withdrawn() || handle.is_some_and(|handle| !is_owner(owner, handle)),
        };
        if stale {
            place.forget();
        }
        if place.owner.is_none()
            && let Some(handle) = handle
        {
            // What a foreign name for it has registered is for one event.
            place.passing = std::mem::take(&mut place.registered);
            place.owner = Some(handle.share());
        }
        place
    }

    /// Adds an operation to the end of its descriptor's list.
    pub(crate) fn push(&mut self, slab: &mut Slab, fd: RawFd, key: OpKey) {
        let place = &mut self.places[fd as usize];
        let last = place.last.replace(key);
        match last.and_then(|last| slab.get(last)) {
            Some(record) => record.links.next = Link::to(Some(key)),
            None => place.first = Some(key),
        }
        if let Some(record) = slab.get(key) {
            record.links = Links { previous: Link::to(last), next: Link::default() };
        }
        self.count += 1;
    }

    /// Takes an operation out of its descriptor's list.
    pub(crate) fn remove(&mut self, slab: &mut Slab, fd: RawFd, key: OpKey) {
        let Some(record) = slab.get(key) else { return };
        let links = std::mem::take(&mut record.links);
        let (previous, next) = (slab.follow(links.previous), slab.follow(links.next));
        let place = &mut self.places[fd as usize];
        match previous.and_then(|key| slab.get(key)) {
            Some(record) => record.links.next = links.next,
            None => place.first = next,
        }
        match next.and_then(|key| slab.get(key)) {
            Some(record) => record.links.previous = links.previous,
            None => place.last = previous,
        }
        self.count -= 1;
    }
}

/// Whether what is registered covers `interest`.
pub(crate) fn covers(registered: u32, interest: Interest) -> bool {
    registered & interest.bits() == interest.bits()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Op;
    use crate::slab::State;

    fn waiting(slab: &mut Slab, fd: RawFd, interest: Interest) -> OpKey {
        slab.insert(&Op::Poll { fd: Target::foreign(fd), interest }, 0, State::Waiting).0
    }

    #[test]
    fn a_list_survives_removal_anywhere() {
        for removed in 0..3 {
            let mut slab = Slab::new();
            let mut waiters = Waiters::default();
            // SAFETY: a foreign target names no handle.
            unsafe { waiters.admit(Target::foreign(5)) };
            let keys: Vec<_> = (0..3).map(|_| waiting(&mut slab, 5, Interest::READABLE)).collect();
            keys.iter().for_each(|&key| waiters.push(&mut slab, 5, key));
            waiters.remove(&mut slab, 5, keys[removed]);
            let mut left = Vec::new();
            waiters.place(5).collect(&mut slab, Interest::READABLE.bits(), &mut left);
            let expected: Vec<_> = keys.iter().copied().filter(|key| *key != keys[removed]).collect();
            assert_eq!((left, waiters.count()), (expected, 2));
        }
    }

    #[test]
    fn an_event_reaches_only_those_who_wait_for_it_and_an_error_everyone() {
        let mut slab = Slab::new();
        let mut waiters = Waiters::default();
        // SAFETY: a foreign target names no handle.
        unsafe { waiters.admit(Target::foreign(3)) };
        let reader = waiting(&mut slab, 3, Interest::READABLE);
        let writer = waiting(&mut slab, 3, Interest::WRITABLE);
        waiters.push(&mut slab, 3, reader);
        waiters.push(&mut slab, 3, writer);
        let mut reached = |events| {
            let mut keys = Vec::new();
            waiters.place(3).collect(&mut slab, events, &mut keys);
            keys
        };
        assert_eq!(reached(Interest::WRITABLE.bits()), [writer]);
        assert_eq!(reached(libc::POLLERR as u32), [reader, writer]);
        assert_eq!(waiters.place(3).wanted(&mut slab), (libc::POLLIN | libc::POLLOUT) as u32);
    }

    #[test]
    fn an_event_of_an_earlier_registration_finds_nothing() {
        let mut waiters = Waiters::default();
        // SAFETY: a foreign target names no handle.
        let generation = unsafe { waiters.admit(Target::foreign(9)) }.generation;
        assert!(waiters.find(9, generation).is_some());
        waiters
            .place(9)
            .edges
            .found_nothing(&Op::Poll { fd: Target::foreign(9), interest: Interest::READABLE });
        assert!(waiters.place(9).edges.rule_out(Interest::READABLE));
        waiters.place(9).forget();
        assert!(!waiters.place(9).edges.rule_out(Interest::READABLE), "it was another descriptor's");
        assert!(waiters.find(9, generation).is_none());
    }
}
