//! A function that has been found.

use super::{FnType, Signature, erased::Callable, keep::Keep};
use crate::future::JoinHandle;
use std::fmt;

/// A function of a registry, with its types: what [`Registry::get`](super::Registry::get) finds.
///
/// It is the function that had the name when the handle was made, and keeps it: if another function takes its place, or none does,
/// the handle goes on with the old one. Get a new one to follow.
///
/// ```
/// use fibra::registry::Registry;
///
/// let registry = Registry::new();
/// registry.register("add", |a: u64, b: u64| a + b)?;
/// let add = registry.get::<fn(u64, u64) -> u64>("add")?;
/// assert_eq!(add.call((1, 2)), 3);
/// assert_eq!(fibra::wait(add.spawn((3, 4)))?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a handle does nothing until its function is called"]
pub struct Handle<S: FnType> {
    function: Keep<dyn Callable<S::Arguments, S::Output>>,
}

impl<S: FnType> Handle<S> {
    pub(super) fn new(function: Keep<dyn Callable<S::Arguments, S::Output>>) -> Self {
        Self { function }
    }

    /// Calls the function here, and returns what it returns: a plain function as any function is called; an async one's
    /// future is waited for, as [`wait`](crate::wait) does.
    ///
    /// # Panics
    ///
    /// As the function does.
    ///
    /// # Cancellation
    ///
    /// A cancellation point if the function is async, or is one itself.
    #[inline]
    pub fn call(&self, arguments: S::Arguments) -> S::Output {
        self.function.call(arguments)
    }

    /// Calls the function in a task of its own: a plain function in a green thread, an async one as a future. The task
    /// belongs to the runtime that we are in, or else to the default one.
    ///
    /// The join handle cancels the call, and gets its result or its panic. Dropping it lets the call go on.
    #[inline]
    pub fn spawn(&self, arguments: S::Arguments) -> JoinHandle<S::Output> {
        self.function.clone().spawn(arguments)
    }
}

impl<S: FnType> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone() }
    }
}

impl<S: FnType> fmt::Debug for Handle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = Signature::of::<S::Arguments, S::Output>(false);
        f.debug_tuple("Handle").field(&format_args!("{signature}")).finish()
    }
}
