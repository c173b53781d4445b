//! Where this OS thread stands: which worker it is, if any; and what it has on loan. The crate's only thread-locals.
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

/// What readers of the registry's tables have on loan: a number by which writers see them.
#[cfg(feature = "registry")]
pub(crate) mod reader {
    use crate::primitive::AtomicU64;
    use std::cell::Cell;

    /// A number, and who takes it back when the thread ends.
    #[derive(Clone, Copy)]
    pub(crate) struct Loan {
        pub(crate) number: &'static AtomicU64,
        pub(crate) take_back: fn(&'static AtomicU64),
    }

    struct AtEnd(Cell<Option<Loan>>);

    // `NUMBER` is as `HERE`, and apart only for the models, whose threads share an OS thread.
    #[cfg(not(loom))]
    thread_local! {
        static NUMBER: Cell<Option<&'static AtomicU64>> = const { Cell::new(None) };
        static AT_END: AtEnd = const { AtEnd(Cell::new(None)) };
    }
    #[cfg(loom)]
    loom::thread_local! {
        static NUMBER: Cell<Option<&'static AtomicU64>> = Cell::new(None);
        static AT_END: AtEnd = AtEnd(Cell::new(None));
    }

    /// This thread's number, if it has one.
    #[inline(never)]
    pub(crate) fn number() -> Option<&'static AtomicU64> {
        NUMBER.with(Cell::get)
    }

    /// Borrows a number until the thread ends. `None` if it is about to end, and has given its number back.
    #[cold]
    pub(crate) fn borrow(borrow: impl FnOnce() -> Loan) -> Option<&'static AtomicU64> {
        let keep = |at_end: &AtEnd| {
            let loan = borrow();
            at_end.0.set(Some(loan));
            NUMBER.with(|number| number.set(Some(loan.number)));
            loan.number
        };
        AT_END.try_with(keep).ok()
    }

    impl Drop for AtEnd {
        fn drop(&mut self) {
            // A model's is gone by now, which is as good.
            _ = NUMBER.try_with(|number| number.set(None));
            if let Some(loan) = self.0.get() {
                (loan.take_back)(loan.number);
            }
        }
    }
}
