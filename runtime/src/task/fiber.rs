//! A fiber: a stack, and how whoever parks on it is woken.
//!
//! Every stack of a worker has one for life. A body that never waits in direct style never notices. One
//! that does parks the fiber, and with it the worker's loop that lies beneath it on the stack:
//!
//! ```text
//!              1 resume                  2 park
//!   Ready ───────────────▶ Running ───────────────▶ Parked
//!     ▲                       │                        │
//!     │                       ▼                        │
//!     │                     Free (its loop left it)    │
//!     └────────────────────────────────────────────────┘
//!                            3 wake
//! ```
//!
//! A phase changes on the home's thread alone, so nothing can come between a look at a condition and the park:
//! no wake gets lost, and there is no race to argue about. What comes from other threads comes by letter.
//!
//! One reference to the fiber travels with it: with the worker while it runs, with itself while it is parked,
//! with the queue while it is ready. Wakers hold references of their own and may outlive the body: a late wake
//! reaches whoever uses the stack by then, and is spurious there. So every wait looks again at what it
//! waits for.

use super::{
    cancellation::{Cancellation, Cancelled, Cause},
    header::Header,
    home::Home,
    inbox::Letter,
    locals::Values,
    thread::Thread,
};
use crate::primitive::{AcqRel, AtomicBool};
use fibra_coro::{Context, Stack, StackBounds};
use fibra_system::cpu::prefetch;
use std::{
    cell::{Cell, RefCell},
    mem::ManuallyDrop,
    ptr::{self, NonNull},
    sync::Arc,
    task::{RawWaker, RawWakerVTable, Waker},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Free,
    Running,
    Parked,
    Ready,
}

/// See the module. All but `letter`, `home` and `posted` is home-only.
#[repr(C)]
pub(crate) struct Fiber {
    /// First, so that a letter's address is its fiber's.
    letter: Letter,
    home: Arc<Home>,
    /// The letter is in the inbox, with a reference.
    posted: AtomicBool,
    phase: Cell<Phase>,
    /// Its waker was used. Only whoever polls a future consumes it: an operation in direct style may park
    /// inside of that poll, and must not swallow the wake.
    notified: Cell<bool>,
    /// Whether the body's header knows this fiber.
    known: Cell<bool>,
    pub(super) next: Cell<*const Fiber>,
    /// Where it goes on.
    pub(crate) context: Cell<Context>,
    /// The task whose body runs on it; `None` while the loop does.
    body: Cell<Option<NonNull<Header>>>,
    /// The runtime that the body has entered by `block_on`; the scheduler knows the type.
    pub(crate) entered: Cell<*const ()>,
    /// The handle of a body that has no slot for one: a future that asks who it is during a poll.
    pub(crate) thread: RefCell<Option<Thread>>,
    pub(crate) cancellation: Cancellation,
    /// What the body keeps under keys. None is left when no body is on the fiber: the last reference to it may go on
    /// another thread, where the values must not.
    pub(super) values: Values,
    stack: ManuallyDrop<Stack>,
    /// Whether the stack has the runtime's usual size.
    has_default_stack: bool,
}

// SAFETY: what is home-only is touched on the home's thread alone: `wake` goes there by letter, and the other
// methods are called by the worker that the fiber belongs to.
unsafe impl Send for Fiber {}
// SAFETY: as above.
unsafe impl Sync for Fiber {}

impl Fiber {
    pub(crate) fn new(home: Arc<Home>, stack: Stack, has_default_stack: bool) -> Arc<Self> {
        Arc::new(Self {
            letter: Letter::new(Self::deliver),
            home,
            posted: AtomicBool::new(false),
            phase: Cell::new(Phase::Free),
            notified: Cell::new(false),
            known: Cell::new(false),
            next: Cell::new(ptr::null()),
            context: Cell::new(Context::null()),
            body: Cell::new(None),
            entered: Cell::new(ptr::null()),
            thread: RefCell::new(None),
            cancellation: Cancellation::new(),
            values: Values::new(),
            stack: ManuallyDrop::new(stack),
            has_default_stack,
        })
    }

    pub(crate) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    pub(crate) fn stack(&self) -> &Stack {
        &self.stack
    }

    pub(crate) fn has_default_stack(&self) -> bool {
        self.has_default_stack
    }

    pub(crate) fn bounds(&self) -> StackBounds {
        self.stack.bounds()
    }

    /// Takes the stack from a fiber that is free for good. Without this, the stack is leaked with it.
    ///
    /// # Safety
    ///
    /// The fiber is free, its worker forgets it, and nobody takes its stack twice.
    pub(crate) unsafe fn take_stack(&self) -> Stack {
        debug_assert_eq!(self.phase.get(), Phase::Free);
        // SAFETY: taken once, by contract; `ManuallyDrop` doesn't drop what is left behind.
        unsafe { ptr::read(&*self.stack) }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.set(phase);
    }

    /// Whether the waker was used since the last [`set_notified`](Self::set_notified)`(false)`.
    pub(crate) fn is_notified(&self) -> bool {
        self.notified.get()
    }

    pub(crate) fn set_notified(&self, notified: bool) {
        self.notified.set(notified);
    }

    /// Has what a resume touches first come into the cache: two lines of the stack, of 64 bytes each. More of them, or
    /// two that begin 32 bytes lower, brought nothing where 100,000 yield in turn.
    #[inline]
    pub(crate) fn prefetch_stack(&self) {
        let stack_pointer: *const u8 = self.context.get().stack_pointer().cast();
        prefetch(stack_pointer);
        prefetch(stack_pointer.wrapping_add(64));
    }

    /// The same of the task whose body runs on it.
    #[inline]
    pub(crate) fn prefetch_body(&self) {
        if let Some(header) = self.body.get() {
            prefetch(header.as_ptr());
        }
    }

    // ---- the body on it ----

    /// The task whose body runs on this stack.
    pub(crate) fn body(&self) -> Option<&Header> {
        // SAFETY: between `enter_body` and `leave_body` the runner's reference keeps the task alive.
        self.body.get().map(|header| unsafe { &*header.as_ptr().cast_const() })
    }

    /// Where that task is, to know it by; null if there is none. May be asked at any instruction, when the task may just be
    /// ending.
    pub(crate) fn body_address(&self) -> *const () {
        self.body.get().map_or(ptr::null(), |header| header.as_ptr().cast_const().cast())
    }

    /// A body is about to run here.
    #[inline]
    pub(crate) fn enter_body(&self, header: &Header) {
        self.body.set(Some(NonNull::from(header)));
        self.known.set(false);
        self.cancellation.reset();
    }

    /// The body has returned.
    #[inline]
    pub(crate) fn leave_body(&self) {
        debug_assert!(self.values.is_empty(), "a body left its values");
        self.body.set(None);
        // Most often there is none, and then nothing is moved.
        if self.thread.borrow().is_some() {
            self.thread.take();
        }
    }

    /// Tells the body's task where it is about to park, so that a cancel finds it. `true`: a cancel may have come
    /// before that, and has woken nobody; whoever waits has to look again.
    #[inline]
    #[must_use]
    pub(crate) fn introduce(&self) -> bool {
        !self.known.replace(true) && self.introduce_first()
    }

    #[cold]
    fn introduce_first(&self) -> bool {
        let Some(header) = self.body() else { return false };
        header.note_wait();
        // SAFETY: `self` lies in an `Arc` (`new` makes no other), whose reference is counted up here.
        let this = unsafe {
            Arc::increment_strong_count(self);
            Arc::from_raw(self)
        };
        let before = header.fiber.lock().unwrap_or_else(std::sync::PoisonError::into_inner).replace(this);
        drop(before);
        // A canceller sets the flag (the task's, or that of a scope which relies on `Task::interrupt`) and then takes the lock:
        // either it found us there, or we find the flag here.
        header.state.is_cancelled() || self.cancellation.scope_over().is_some()
    }

    /// Whether the body's task has been asked to end: by name, or with the whole runtime.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.home.is_stopping() || self.body().is_some_and(|header| header.state.is_cancelled())
    }

    /// Why a wait of the body must end now, if it must.
    #[inline]
    pub(crate) fn interruption(&self) -> Option<Cause> {
        self.cancellation.cause(self)
    }

    /// Fails if the body must not wait, and notes that it has been told.
    #[inline]
    pub(crate) fn check_cancelled(&self) -> Result<(), Cancelled> {
        match self.interruption() {
            Some(cause) => Err(self.cancellation.deliver(cause)),
            None => Ok(()),
        }
    }

    // ---- waking ----

    /// Makes every wait on this fiber look again, from any thread.
    pub(crate) fn wake(&self) {
        if self.home.is_here() {
            self.notified.set(true);
            self.wake_here();
        } else if !self.posted.swap(true, AcqRel) {
            // SAFETY: `posted` was clear, so the letter is in no inbox. The reference counted up here keeps the
            // fiber until `deliver`, which may run on the home's thread: that is what it is for. If the worker has
            // ended, nobody stands on the fiber any more, and the reference is given up here.
            unsafe {
                Arc::increment_strong_count(self);
                if !self.home.post(NonNull::from(&self.letter)) {
                    Arc::decrement_strong_count(self);
                }
            }
        }
    }

    /// Resumes it if it is parked. On the home's thread, after whatever it waits for was changed.
    #[inline]
    pub(crate) fn wake_here(&self) {
        if self.phase.get() == Phase::Parked {
            self.phase.set(Phase::Ready);
            self.home.queue(self);
        }
    }

    /// Puts the running fiber at the end of the queue, for a switch to somebody else.
    pub(crate) fn make_ready(&self) {
        debug_assert_eq!(self.phase.get(), Phase::Running);
        self.phase.set(Phase::Ready);
        self.home.queue(self);
    }

    /// # Safety
    ///
    /// As [`Letter`] says: on the home's thread, with the reference that was posted.
    unsafe fn deliver(letter: NonNull<Letter>) {
        // SAFETY: the letter is the first field of a `repr(C)` fiber in an `Arc`; the reference is ours.
        let fiber = unsafe { Arc::from_raw(letter.cast::<Fiber>().as_ptr().cast_const()) };
        // Cleared before the wake: a wake that comes now posts again rather than getting lost. It acquires
        // what those wakers wrote who found it set.
        fiber.posted.swap(false, AcqRel);
        fiber.notified.set(true);
        fiber.wake_here();
    }

    /// A waker that holds no reference of its own, for use while the fiber runs.
    pub(crate) fn borrowed_waker(&self) -> ManuallyDrop<Waker> {
        let data = ptr::from_ref(self).cast();
        // SAFETY: the table keeps `RawWaker`'s contract; `ManuallyDrop` never gives up what isn't held.
        ManuallyDrop::new(unsafe { Waker::from_raw(RawWaker::new(data, &TABLE)) })
    }
}

/// Whether the waker is a fiber's.
#[inline]
pub(super) fn is_fibers(waker: &Waker) -> bool {
    ptr::eq(waker.vtable(), &TABLE)
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// # Safety
///
/// `data` is from a waker of [`TABLE`], which keeps the fiber alive during the call.
unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: by contract `data` is a fiber in an `Arc`.
    unsafe { Arc::increment_strong_count(data.cast::<Fiber>()) };
    RawWaker::new(data, &TABLE)
}

/// # Safety
///
/// As for [`clone`].
unsafe fn wake(data: *const ()) {
    // SAFETY: by contract; the waker's reference is given up after the wake.
    unsafe {
        wake_by_ref(data);
        drop_waker(data);
    }
}

/// # Safety
///
/// As for [`clone`].
unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: by contract.
    unsafe { &*data.cast::<Fiber>() }.wake();
}

/// # Safety
///
/// As for [`clone`].
unsafe fn drop_waker(data: *const ()) {
    // SAFETY: by contract; the waker's reference is given up.
    drop(unsafe { Arc::from_raw(data.cast::<Fiber>()) });
}
