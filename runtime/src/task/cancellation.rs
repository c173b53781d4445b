//! What a fiber knows of the cancellation of its body: requests, deadlines, tokens, shields.

use super::{direct::Direct, ending::Ending, fiber::Fiber};
use crate::primitive::{Acquire, AtomicBool};
use std::{cell::Cell, error::Error, fmt, io, iter, ptr, time::Instant};

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
    /// The token of an enclosing `CancellationToken::scope`.
    Token,
    /// Another one of those that ran concurrently, whose end made this one's needless.
    Lost,
}

impl Cancelled {
    pub(crate) fn request() -> Self {
        Self { cause: Cause::Request }
    }

    pub(crate) fn new(cause: Cause) -> Self {
        Self { cause }
    }

    pub(crate) fn cause(&self) -> Cause {
        self.cause
    }

    /// Whether it was the deadline of an enclosing [`timeout`](crate::time::timeout) that passed.
    pub fn is_deadline(&self) -> bool {
        self.cause == Cause::Deadline
    }

    /// Whether it was the token of an enclosing [`scope`](crate::sync::CancellationToken::scope) that was cancelled.
    ///
    /// ```
    /// use fibra::{sync::CancellationToken, thread};
    /// use std::time::Duration;
    ///
    /// fibra::run(|| {
    ///     let token = CancellationToken::new();
    ///     token.cancel();
    ///     let cancelled = token.scope(|| thread::sleep(Duration::from_secs(3600))).unwrap_err();
    ///     assert!(cancelled.is_token() && !cancelled.is_deadline());
    /// });
    /// ```
    pub fn is_token(&self) -> bool {
        self.cause == Cause::Token
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
            Cause::Token => "the token of an enclosing scope was cancelled",
            Cause::Lost => "what ran concurrently was first",
        })
    }
}

impl Error for Cancelled {}

impl From<Cancelled> for io::Error {
    /// `TimedOut` for a deadline, `Other` for all else: never `Interrupted` or `WouldBlock`, which
    /// `read_exact` and loops around a non-blocking socket would swallow.
    fn from(cancelled: Cancelled) -> Self {
        let kind = match cancelled.cause {
            Cause::Request | Cause::Token | Cause::Lost => io::ErrorKind::Other,
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
    /// The innermost scope that the body is in.
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

    /// Why the waits of the innermost scope fail that is over, if one is.
    #[inline]
    pub(crate) fn scope_over(&self) -> Option<Cause> {
        self.innermost()?.over()
    }

    #[inline]
    fn innermost(&self) -> Option<&Scope<'_>> {
        // SAFETY: a scope in the list lives in a frame of the body, which `enter` takes it out of before the frame ends.
        unsafe { self.innermost.get().as_ref() }
    }

    /// What the body polls a future inside of, if it does; `None` behind a shield.
    #[inline]
    pub(crate) fn ending(&self) -> Option<&Ending> {
        let innermost = self.innermost()?;
        if self.shields.get() > 0 { None } else { innermost.ending() }
    }

    /// The earliest deadline that the body is under; `None` behind a shield, which puts them off.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.shields.get() > 0 {
            return None;
        }
        self.innermost()?.and_around().filter_map(|scope| scope.trigger.deadline()).min()
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
        self.scope_over()
    }

    /// Notes that `cause` has reached the body.
    pub(crate) fn deliver(&self, cause: Cause) -> Cancelled {
        if cause == Cause::Request {
            self.delivered.set(true);
        }
        Cancelled::new(cause)
    }

    /// What was delivered has not reached the body: its next wait delivers it again.
    pub(crate) fn take_back(&self) {
        self.delivered.set(false);
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

/// What a scope is over by: every wait inside of it fails from then on. Whatever sets it off wakes the fiber too.
#[derive(Clone, Copy)]
pub(crate) enum Trigger<'a> {
    /// An alarm that ends when the deadline passes.
    Deadline(Instant, &'a Direct),
    /// A token's flag.
    Token(&'a AtomicBool),
    /// From the beginning: what is inside is to end.
    Lost(&'a Ending),
}

impl Trigger<'_> {
    fn deadline(self) -> Option<Instant> {
        match self {
            Self::Deadline(deadline, _) => Some(deadline),
            Self::Token(_) | Self::Lost(_) => None,
        }
    }

    #[inline]
    fn cause(self) -> Option<Cause> {
        match self {
            Self::Deadline(_, alarm) => alarm.has_ended().then_some(Cause::Deadline),
            Self::Token(is_cancelled) => is_cancelled.load(Acquire).then_some(Cause::Token),
            Self::Lost(_) => Some(Cause::Lost),
        }
    }
}

/// A `timeout` or a token's scope that a body is in; on the body's stack, linked to the one around it.
pub(crate) struct Scope<'a> {
    trigger: Trigger<'a>,
    outer: Cell<*const Scope<'static>>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(trigger: Trigger<'a>) -> Self {
        Self { trigger, outer: Cell::new(ptr::null()) }
    }

    /// Why it is over, or one around it.
    #[inline(never)]
    fn over(&self) -> Option<Cause> {
        self.and_around().find_map(|scope| scope.trigger.cause())
    }

    #[inline(never)]
    fn ending(&self) -> Option<&Ending> {
        self.and_around().find_map(|scope| match scope.trigger {
            Trigger::Lost(ending) => Some(ending),
            Trigger::Deadline(..) | Trigger::Token(_) => None,
        })
    }

    /// The scope and those around it.
    fn and_around(&self) -> impl Iterator<Item = &Scope<'_>> {
        // SAFETY: as in `Cancellation::innermost`; the scopes around one that is in the list are in it too.
        iter::successors(Some(self), |scope| unsafe { scope.outer.get().as_ref() })
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
        // The list forgets how long the trigger lives; `Leave` takes the scope out before that is over.
        self.outer.set(list.innermost.replace(ptr::from_ref(self).cast()));
        let _leave = Leave(list, self.outer.get());
        inside()
    }
}
