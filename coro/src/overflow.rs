//! Tells which stack has overflowed, instead of a bare `SIGSEGV`.
//!
//! A touch of a guard makes the kernel send `SIGSEGV` (`SIGBUS` on some systems). The handler installed here runs on
//! a stack of its own, asks whoever knows which stacks the thread stands on, and if the fault lies in one of their
//! guards, it writes
//!
//! ```text
//! thread 'mapper' (fibra green thread) has overflowed its stack of 64 KiB; raise it with Builder::stack_size
//!   touched 0x7f31e9c03ff8, from code at program+0x1f60e
//!   return addresses found on the stack, innermost first (addr2line -e PROGRAM OFFSET):
//!     program+0x1f633
//!     …
//! ```
//!
//! and aborts the process. It neither allocates nor symbolises nor takes a lock: the thread may have been stopped in
//! the middle of `malloc`. Every other fault goes to the handler that was there before, as if this one weren't.
//!
//! On Windows the system raises an exception instead, and the handler runs on what it keeps of the stack for that. On other
//! stacks than fibra's it says what it always does.
//!
//! ```text
//!  thread-local cell ──▶ Watch ──▶ Watch ──▶ Watch          one for each coroutine that is being resumed on the
//!                       (coroutine)(coroutine)(worker)      thread, and one for the thread itself
//!                          │          │          │
//!                          ▼ locate   ▼          ▼
//!                        bounds     bounds     bounds of whatever green thread runs now
//! ```

use crate::StackBounds;
use crate::os::signals::{self, Fault, SignalStack};
use crate::report::Report;
use std::cell::Cell;
use std::io;
use std::marker::PhantomData;
use std::ptr;

/// The stack that a thread stands on, as a [`Locate`] function describes it.
///
/// ```
/// use fibra_coro::StackPool;
/// use fibra_coro::overflow::Located;
///
/// let mut pool = StackPool::default();
/// let stack = pool.allocate(64 * 1024)?;
/// let located = Located { bounds: stack.bounds(), name: Some("mapper"), advice: "Builder::stack_size" };
/// assert_eq!(located.bounds.size, 64 * 1024);
/// pool.release(stack);
/// # Ok::<(), fibra_coro::StackError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Located<'a> {
    /// Where it lies.
    pub bounds: StackBounds,
    /// The name of the green thread that runs there.
    pub name: Option<&'a str>,
    /// The call that would have given it a larger stack.
    pub advice: &'static str,
}

/// Tells which stack the calling thread stands on at the moment; `None` if it is none of fibra's.
///
/// It is called from a signal handler, with the pointer given to [`watch_thread`], so it must be async-signal-safe: it
/// reads memory that is consistent at every instruction, and does nothing else. What it returns is used within the
/// handler only, and the handler doesn't return; the name must live that long, not `'static`.
pub type Locate = unsafe fn(data: *const ()) -> Option<Located<'static>>;

/// A source of located stacks. It is linked into the list of the thread that it was made on.
pub(crate) struct Watch {
    locate: Locate,
    data: *const (),
    /// What runs on the stack, in the words of the report.
    subject: Subject,
    outer: Cell<*const Watch>,
}

/// What the report calls the thing that has overflowed.
#[derive(Clone, Copy)]
pub(crate) enum Subject {
    GreenThread,
    Coroutine,
}

thread_local! {
    /// The first watch of this thread. Constant and without a destructor, so that reading it in a signal handler
    /// neither initialises nor registers anything.
    #[allow(clippy::missing_const_for_thread_local, reason = "it is; where thread-locals have no segment of their own the lint is wrong")]
    static WATCHES: Cell<*const Watch> = const { Cell::new(ptr::null()) };
}

/// Reads the cell. Never inlined: code that stays on its stack but is inlined into a function with a switch must not
/// remember the cell's address from before it.
#[inline(never)]
fn first_watch() -> *const Watch {
    WATCHES.get()
}

#[inline(never)]
fn set_first_watch(watch: *const Watch) {
    WATCHES.set(watch);
}

impl Watch {
    pub(crate) fn new(locate: Locate, data: *const (), subject: Subject) -> Watch {
        Watch { locate, data, subject, outer: Cell::new(ptr::null()) }
    }

    /// Puts the watch at the head of this thread's list.
    ///
    /// # Safety
    ///
    /// The watch stays where it is until it is unlinked, on this thread, and so long `locate(data)` may be called.
    pub(crate) unsafe fn link(&self) {
        self.outer.set(first_watch());
        set_first_watch(self);
    }

    /// Takes the watch out of the list, wherever in it: green threads leave the scopes of their coroutines in any
    /// order.
    pub(crate) fn unlink(&self) {
        let first = first_watch();
        if ptr::eq(first, self) {
            set_first_watch(self.outer.get());
            return;
        }
        let mut watch = first;
        // SAFETY: all members of the list are alive until they are unlinked, which is the contract of `link`.
        while let Some(inner) = unsafe { watch.as_ref() } {
            if ptr::eq(inner.outer.get(), self) {
                inner.outer.set(self.outer.get());
                return;
            }
            watch = inner.outer.get();
        }
    }
}

/// Keeps a thread watched. Dropping it gives the thread its previous signal stack back.
#[must_use = "the thread is watched until this is dropped"]
pub struct WatchedThread {
    watch: Box<Watch>,
    _signal_stack: SignalStack,
    /// It belongs to the thread whose list it is in.
    _not_send: PhantomData<*const ()>,
}

impl Drop for WatchedThread {
    fn drop(&mut self) {
        self.watch.unlink();
    }
}

/// Installs the handler, for the whole process. Calling it again does nothing, and so does calling it after
/// [`disable`].
///
/// # Errors
///
/// The system's, if it refuses the handler.
///
/// ```
/// fibra_coro::overflow::install()?;
/// fibra_coro::overflow::install()?; // nothing more happens
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn install() -> io::Result<()> {
    signals::install(report_if_overflow)
}

/// Switches the handler off, and puts the one before it back: for programs that handle `SIGSEGV` themselves.
///
/// The handler stays off for the rest of the process. If somebody else has installed one since, that one stays, and
/// ours, which it may call, passes every fault on.
///
/// # Errors
///
/// The system's, if it refuses the previous handler.
///
/// ```
/// fibra_coro::overflow::disable()?;
/// fibra_coro::overflow::install()?; // does nothing: it was switched off
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn disable() -> io::Result<()> {
    signals::disable()
}

/// Prepares the calling thread for reports: gives it a guarded signal stack of at least 64 KiB, and remembers how to
/// find out on which stack it stands. (On Windows: has the system keep 20 KiB of every stack of the thread for handlers.)
///
/// # Safety
///
/// Until the returned [`WatchedThread`] is dropped, `locate(data)` may be called at any instruction of this thread.
///
/// # Errors
///
/// The system's, if there is no memory for the signal stack.
///
/// ```
/// use fibra_coro::StackBounds;
/// use fibra_coro::overflow::{self, Located};
///
/// unsafe fn locate(data: *const ()) -> Option<Located<'static>> {
///     // SAFETY: `data` is the option below, which outlives the watch and isn't changed.
///     let bounds = unsafe { *data.cast::<Option<StackBounds>>() };
///     bounds.map(|bounds| Located { bounds, name: Some("mapper"), advice: "Builder::stack_size" })
/// }
///
/// let current: Option<StackBounds> = None;
/// overflow::install()?;
/// // SAFETY: `locate` only reads `current`, which outlives the watch.
/// let watched = unsafe { overflow::watch_thread(locate, (&raw const current).cast()) }?;
/// drop(watched);
/// # Ok::<(), std::io::Error>(())
/// ```
pub unsafe fn watch_thread(locate: Locate, data: *const ()) -> io::Result<WatchedThread> {
    let signal_stack = SignalStack::install()?;
    let watch = Box::new(Watch::new(locate, data, Subject::GreenThread));
    // SAFETY: the box doesn't move, and is unlinked when the `WatchedThread` is dropped, which can't leave the thread.
    unsafe { watch.link() };
    Ok(WatchedThread { watch, _signal_stack: signal_stack, _not_send: PhantomData })
}

/// Called by the signal handler. Reports and aborts if the fault is an overflow, else returns.
fn report_if_overflow(fault: &Fault) {
    let mut watch = first_watch();
    // SAFETY: all members of the list are alive until they are unlinked, and the thread that could unlink them is
    // stopped in this handler.
    while let Some(current) = unsafe { watch.as_ref() } {
        // SAFETY: whoever linked the watch vouched that this may be called until it is unlinked.
        if let Some(located) = unsafe { (current.locate)(current.data) }
            && fault.is_overflow_of(located.bounds)
        {
            report(&located, current.subject, fault);
            signals::abort();
        }
        watch = current.outer.get();
    }
}

fn report(located: &Located<'_>, subject: Subject, fault: &Fault) {
    let mut report = Report::new();
    match subject {
        Subject::GreenThread => {
            report.text("\nthread '").text(located.name.unwrap_or("<unnamed>")).text("' (fibra green thread)")
        }
        Subject::Coroutine => report.text("\na fibra coroutine"),
    };
    report.text(" has overflowed its stack of ").decimal(located.bounds.size / 1024);
    report.text(" KiB; raise it with ").text(located.advice).text("\n").flush();
    report.text("  touched ").hexadecimal(fault.address).text(", from code at ");
    report.code(fault.program_counter).text("\n");
    report.text("  return addresses found on the stack, innermost first (").text(signals::SYMBOLISER);
    report.text("):\n").flush();
    // SAFETY: the stack is mapped from `limit` to `top`, and its owner is stopped in this handler.
    unsafe { report.return_addresses(located.bounds, fault) };
    report.flush();
}
