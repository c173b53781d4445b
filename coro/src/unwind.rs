//! Panics and stacks: what may cross a switch, and how a suspended stack is unwound.
//!
//! A panic never crosses a switch: it is caught at the entry of its stack, and what it carries is handed over as a
//! value, to be raised again on the other side. Unwinding is also how a suspended stack is cleared away: it is
//! continued with the order to raise a panic of a private type, which runs the destructors on its way and is caught
//! where every panic of that stack is caught. `resume_unwind` raises it, so no panic hook sees it.
//!
//! And nobody switches while panicking. The standard library counts panics for each OS thread, so code on the other
//! stack would believe that it is panicking: a guard that it drops would poison its mutex, and a panic of its own
//! would abort the process.

use crate::report::Report;
use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::thread;

/// What a caught panic carries.
pub(crate) type Payload = Box<dyn Any + Send + 'static>;

/// The payload that unwinds a suspended stack.
struct ForcedUnwind;

/// Whether destructors of a suspended stack can be run at all.
pub(crate) const IS_AVAILABLE: bool = cfg!(panic = "unwind");

/// How the body of a stack has ended.
pub(crate) enum Ended<T> {
    Returned(T),
    Panicked(Payload),
    /// By `force`.
    Unwound,
}

/// Runs the body of a stack to its end, whatever end that is.
pub(crate) fn catch<T>(body: impl FnOnce() -> T) -> Ended<T> {
    // A panic in the body is passed on to the resumer, who then sees what it saw: that is as unwind-safe as if the
    // body had been an ordinary call.
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => Ended::Returned(value),
        Err(payload) if payload.is::<ForcedUnwind>() => Ended::Unwound,
        Err(payload) => Ended::Panicked(payload),
    }
}

/// Unwinds the stack that we stand on up to its `catch`.
pub(crate) fn force() -> ! {
    panic::resume_unwind(Box::new(ForcedUnwind))
}

/// Aborts if the thread is panicking.
#[inline]
pub(crate) fn refuse_while_panicking(what: &str) {
    if thread::panicking() {
        abort(what);
    }
}

/// Ends the process with a sentence: for what can neither go on nor be undone.
#[cold]
pub(crate) fn abort(why: &str) -> ! {
    // Not by `eprintln!`: whoever captures the output of this thread won't live to show it.
    Report::new().text("fibra: ").text(why).text("; aborting\n").flush();
    std::process::abort()
}
