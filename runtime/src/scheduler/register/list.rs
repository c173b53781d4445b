//! The list of a register: each task keeps its place for as long as it is in, so that one that leaves touches no other task,
//! whose memory mostly is not in the cache.

use crate::task::header::Header;
use std::ptr::{self, NonNull};

/// See the module. Without references: tasks leave the list before they are freed.
pub(super) struct List {
    places: Vec<Place>,
    /// The first vacant place; [`NONE`] if all are taken.
    vacant: usize,
    taken: usize,
}

/// Beyond every place.
const NONE: usize = usize::MAX >> 1;

/// Lists longer than this give memory back when most of their places are vacant: at a million tasks it is 8 MiB.
const LENGTH_KEPT: usize = 1 << 16;

/// A task; or, if it is vacant, with the lowest bit set, the number of the next vacant place above it.
#[derive(Clone, Copy)]
struct Place(*const Header);

const VACANT: usize = 1;
const _: () = assert!(align_of::<Header>() > VACANT);

// SAFETY: the list's owner makes `Task`s of what is in it, which are `Send`.
unsafe impl Send for Place {}

impl Place {
    fn vacant(next: usize) -> Self {
        Self(ptr::without_provenance(next << 1 | VACANT))
    }

    fn task(self) -> Option<NonNull<Header>> {
        NonNull::new(self.0.cast_mut()).filter(|header| header.addr().get() & VACANT == 0)
    }
}

impl List {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), vacant: NONE, taken: 0 }
    }

    /// Adds a task, which stays alive until it is removed.
    pub(super) fn add(&mut self, header: &Header) {
        let place = if self.vacant == NONE { self.places.len() } else { self.vacant };
        header.place.set(u32::try_from(place).expect("2^32 tasks wait"));
        let task = Place(header);
        match self.places.get_mut(place) {
            Some(vacant) => self.vacant = std::mem::replace(vacant, task).0.addr() >> 1,
            None => self.places.push(task),
        }
        self.taken += 1;
    }

    /// Removes a task.
    ///
    /// # Safety
    ///
    /// It is in this list. All others in it are alive.
    pub(super) unsafe fn remove(&mut self, header: &Header) {
        let place = header.place.get() as usize;
        self.places[place] = Place::vacant(self.vacant);
        self.vacant = place;
        self.taken -= 1;
        if self.places.len() > LENGTH_KEPT && self.taken < self.places.len() / 8 {
            // SAFETY: by contract.
            unsafe { self.close_ranks() }
        }
    }

    /// Takes the vacancies out: of each eight places that the list has had, seven were left since the last time.
    ///
    /// # Safety
    ///
    /// All tasks in it are alive.
    #[cold]
    unsafe fn close_ranks(&mut self) {
        self.places.retain(|place| place.task().is_some());
        self.places.shrink_to_fit();
        self.vacant = NONE;
        for (place, header) in self.iter().enumerate() {
            // SAFETY: by contract; the place is under the list's lock, as we are.
            unsafe { header.as_ref() }.place.set(place as u32);
        }
    }

    /// All tasks that are in it.
    pub(super) fn iter(&self) -> impl Iterator<Item = NonNull<Header>> + '_ {
        self.places.iter().filter_map(|place| place.task())
    }
}
