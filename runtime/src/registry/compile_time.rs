//! Functions that are registered where they stand, by `#[fibra::register]`.
//!
//! The attribute submits a [`Registration`] to the crate `inventory`, which links them to a list before `main`, from whatever crates
//! the program is made of. A registry takes them over from there: a name that occurs twice can only be seen then.

use super::{DuplicateName, Function, Registry};
use std::panic::Location;

pub use inventory::submit;

/// A function that waits for a registry to take it.
pub struct Registration {
    name: &'static str,
    place: &'static Location<'static>,
    register: fn(&Registry, &'static str, &'static Location<'static>) -> Result<(), DuplicateName>,
}

inventory::collect!(Registration);

impl Registration {
    /// `register` calls [`register`]: a constant can't say so for a function of any type.
    pub const fn new(
        name: &'static str,
        place: &'static Location<'static>,
        register: fn(&Registry, &'static str, &'static Location<'static>) -> Result<(), DuplicateName>,
    ) -> Self {
        Self { name, place, register }
    }
}

/// What a [`Registration`] does.
pub fn register<K: 'static>(
    registry: &Registry,
    name: &'static str,
    place: &'static Location<'static>,
    function: impl Function<K>,
) -> Result<(), DuplicateName> {
    registry.register_from(place, name, function)
}

/// Registers all functions that the program was compiled with.
pub(super) fn collect_into(registry: &Registry) -> Result<(), DuplicateName> {
    let mut all: Vec<_> = inventory::iter::<Registration>.into_iter().collect();
    // The linker's order means nothing; an error should name the same place first in each run.
    all.sort_by_key(|registration| (registration.name, registration.place));
    all.into_iter().try_for_each(|Registration { name, place, register }| register(registry, name, place))
}
