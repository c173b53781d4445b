//! All kinds of callers, each with a directory of its own.

#[path = "everywhere.rs"]
mod callers;
#[path = "scratch.rs"]
mod scratch;

pub use scratch::Scratch;

/// As `everywhere` of all callers, each time in a new directory.
pub fn everywhere(test: impl Fn(&Scratch) + Copy + Send + 'static) {
    callers::everywhere(move || test(&Scratch::new()));
}
