//! Where this OS thread stands: which worker it is, if any. The crate's only thread-local.
//!
//! A stack never moves to another OS thread once it has been stood on, so what is read here stays true for
//! as long as the frame that read it: through any number of switches.

use std::{cell::Cell, ptr};

struct Here {
    /// The worker that this thread is; the tasks' floor knows the type.
    home: Cell<*const ()>,
    /// The runtime that this thread, no worker, has entered; the scheduler knows the type.
    runtime: Cell<*const ()>,
    /// What a future on this thread, no worker, is polled inside of; the tasks' floor knows the type.
    ending: Cell<*const ()>,
}

thread_local! {
    /// Const-initialised and without a destructor: reading it is one load, at any moment of the thread's life.
    static HERE: Here = const {
        Here {
            home: Cell::new(ptr::null()),
            runtime: Cell::new(ptr::null()),
            ending: Cell::new(ptr::null()),
        }
    };
}

/// The worker that this OS thread is, as [`set_home`] left it; null on any other thread.
// Not inlined: a caller that cached the thread-local's address across a switch would be right today, since
// stacks stay home, but nothing in the language promises it.
#[inline(never)]
pub(crate) fn home() -> *const () {
    HERE.with(|here| here.home.get())
}

/// Makes this OS thread a worker, or by null no worker any more.
#[inline(never)]
pub(crate) fn set_home(home: *const ()) {
    HERE.with(|here| here.home.set(home));
}

/// What [`replace_runtime`] has set.
#[inline(never)]
pub(crate) fn runtime() -> *const () {
    HERE.with(|here| here.runtime.get())
}

/// Sets the runtime that this thread, which is no worker, is in; returns the one before.
#[inline(never)]
pub(crate) fn replace_runtime(runtime: *const ()) -> *const () {
    HERE.with(|here| here.runtime.replace(runtime))
}

/// What [`replace_ending`] has set.
#[inline(never)]
pub(crate) fn ending() -> *const () {
    HERE.with(|here| here.ending.get())
}

/// Sets what futures on this thread, which is no worker, are polled inside of; returns what was set before.
#[inline(never)]
pub(crate) fn replace_ending(ending: *const ()) -> *const () {
    HERE.with(|here| here.ending.replace(ending))
}
