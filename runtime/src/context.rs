//! Where this OS thread stands: which worker it is, if any. The crate's only thread-local.
//!
//! A stack never moves to another OS thread once it has been stood on, so what is read here stays true for
//! as long as the frame that read it: through any number of switches.

use crate::task::home::Home;
use std::{cell::Cell, ptr};

struct Here {
    /// The worker that this thread is.
    home: Cell<*const Home>,
    /// The runtime that this thread, no worker, has entered; the scheduler knows the type.
    runtime: Cell<*const ()>,
}

thread_local! {
    /// Const-initialised and without a destructor: reading it is one load, at any moment of the thread's life.
    static HERE: Here = const { Here { home: Cell::new(ptr::null()), runtime: Cell::new(ptr::null()) } };
}

/// The worker that this OS thread is; `None` on any other thread.
// Not inlined: a caller that cached the thread-local's address across a switch would be right today, since
// stacks stay home, but nothing in the language promises it.
#[inline(never)]
pub(crate) fn home<'a>() -> Option<&'a Home> {
    // SAFETY: `enter`'s caller keeps the home alive until the thread has left it, and frames that stand on
    // this thread's stacks, where the reference lives, are gone by then.
    unsafe { HERE.with(|here| here.home.get()).as_ref() }
}

/// Makes this OS thread the worker `home`, until the returned value is dropped.
///
/// # Safety
///
/// `home` stays alive until then, and nothing that runs on this thread keeps a reference from [`home`] longer.
pub(crate) unsafe fn enter(home: *const Home) -> Entered {
    HERE.with(|here| here.home.set(home));
    Entered
}

/// See [`enter`].
pub(crate) struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        HERE.with(|here| here.home.set(ptr::null()));
    }
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
