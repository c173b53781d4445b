//! What a fiber knows of the cancellation of its body: requests, deadlines, shields.

use super::{direct::Direct, fiber::Fiber};
use std::{cell::Cell, error::Error, fmt, io, ptr, time::Instant};

/// Why a wait ended early.
///
/// The source of the `io::Error` that an operation returns, and the payload that other waits unwind with.
///
/// ```
/// use std::time::Duration;
/// fibra::run(|| {
///     let sleeper = fibra::thread::spawn(|| fibra::thread::sleep(Duration::from_secs(3600)));
///     sleeper.cancel();
///     assert!(sleeper.join().unwrap_err().is::<fibra::cancel::Cancelled>());
/// });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    cause: Cause,
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// `JoinHandle::cancel`, or the runtime's shutdown.
    Request,
    /// The deadline of an enclosing `timeout`.
    Deadline,
}

impl Cancelled {
    pub(crate) fn request() -> Self {
        Self { cause: Cause::Request }
    }

    pub(crate) fn new(cause: Cause) -> Self {
        Self { cause }
    }

    /// Whether it was the deadline of an enclosing [`timeout`](crate::time::timeout) that passed.
    pub fn is_deadline(&self) -> bool {
        self.cause == Cause::Deadline
    }

    /// Whether `error` comes from a cancelled wait.
    ///
    /// ```
    /// # use fibra::cancel::Cancelled;
    /// assert!(!Cancelled::caused(&std::io::Error::other("disk on fire")));
    /// ```
    pub fn caused(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|source| source.is::<Cancelled>())
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.cause {
            Cause::Request => "the wait was cancelled",
            Cause::Deadline => "the deadline of an enclosing timeout has passed",
        })
    }
}

impl Error for Cancelled {}

impl From<Cancelled> for io::Error {
    /// `TimedOut` for a deadline and `Other` for a request: never `Interrupted` or `WouldBlock`, which
    /// `read_exact` and loops around a non-blocking socket would swallow.
    fn from(cancelled: Cancelled) -> Self {
        let kind = match cancelled.cause {
            Cause::Request => io::ErrorKind::Other,
            Cause::Deadline => io::ErrorKind::TimedOut,
        };
        io::Error::new(kind, cancelled)
    }
}

/// What a fiber knows of the cancellation of the body that it runs. Its home alone touches it.
pub(crate) struct Cancellation {
    shields: Cell<u32>,
    /// The task's request has been delivered.
    delivered: Cell<bool>,
    /// The innermost `timeout` that the body is in.
    innermost: Cell<*const Scope<'static>>,
}

impl Cancellation {
    pub(crate) fn new() -> Self {
        Self { shields: Cell::new(0), delivered: Cell::new(false), innermost: Cell::new(ptr::null()) }
    }

    /// A new body starts on the fiber.
    pub(crate) fn reset(&self) {
        debug_assert!(
            self.shields.get() == 0 && self.innermost.get().is_null(),
            "a body left its scopes open"
        );
        self.delivered.set(false);
    }

    pub(crate) fn deadline_passed(&self) -> bool {
        let mut scope = self.innermost.get();
        // SAFETY: a scope in the list lives in a frame of the body, which `enter` takes it out of before
        // the frame ends.
        while let Some(current) = unsafe { scope.as_ref() } {
            if current.alarm.has_ended() {
                return true;
            }
            scope = current.outer.get();
        }
        false
    }

    /// The earliest deadline that the body is under; `None` behind a shield, which puts them off.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.shields.get() > 0 {
            return None;
        }
        let mut earliest = None;
        let mut scope = self.innermost.get();
        // SAFETY: as in `deadline_passed`.
        while let Some(current) = unsafe { scope.as_ref() } {
            earliest =
                Some(earliest.map_or(current.deadline, |earliest: Instant| earliest.min(current.deadline)));
            scope = current.outer.get();
        }
        earliest
    }

    /// Why a wait of `fiber` must end now, if it must.
    #[inline]
    pub(crate) fn cause(&self, fiber: &Fiber) -> Option<Cause> {
        if self.shields.get() > 0 {
            return None;
        }
        if fiber.is_cancelled() && (!self.delivered.get() || fiber.home().is_stopping()) {
            return Some(Cause::Request);
        }
        self.deadline_passed().then_some(Cause::Deadline)
    }

    /// Notes that `cause` has reached the body.
    pub(crate) fn deliver(&self, cause: Cause) -> Cancelled {
        if cause == Cause::Request {
            self.delivered.set(true);
        }
        Cancelled::new(cause)
    }
}

/// Puts cancellation off while it exists.
pub(crate) struct Shield<'a>(&'a Cancellation);

impl<'a> Shield<'a> {
    pub(crate) fn raise(cancellation: &'a Cancellation) -> Self {
        cancellation.shields.set(cancellation.shields.get() + 1);
        Self(cancellation)
    }
}

impl Drop for Shield<'_> {
    fn drop(&mut self) {
        self.0.shields.set(self.0.shields.get() - 1);
    }
}

/// A `timeout` that a body is in; on the body's stack, linked to the one around it.
pub(crate) struct Scope<'a> {
    deadline: Instant,
    /// Ends when the deadline passes: every wait inside of the scope fails from then on.
    alarm: &'a Direct,
    outer: Cell<*const Scope<'static>>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(deadline: Instant, alarm: &'a Direct) -> Self {
        Self { deadline, alarm, outer: Cell::new(ptr::null()) }
    }

    /// Runs `inside` with this scope as the innermost one of `fiber`'s body.
    pub(crate) fn enter<T>(&self, fiber: &Fiber, inside: impl FnOnce() -> T) -> T {
        struct Leave<'a>(&'a Cancellation, *const Scope<'static>);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.innermost.set(self.1);
            }
        }
        let list = &fiber.cancellation;
        // The list forgets how long the alarm lives; `Leave` takes the scope out before that is over.
        self.outer.set(list.innermost.replace(ptr::from_ref(self).cast()));
        let _leave = Leave(list, self.outer.get());
        inside()
    }
}
