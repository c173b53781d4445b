//! The memory of a task: a header that everyone knows, and behind it what only the body's type knows.
//!
//! ```text
//!   Cell<B, S>
//!   ┌──────────────┬───────────┬────────────┬──────┬──────────────────────────┐
//!   │ header       │ scheduler │ join waker │ meta │ stage:                   │
//!   │ state, table │ S         │            │      │ body → output → nothing  │
//!   └──────────────┴───────────┴────────────┴──────┴──────────────────────────┘
//!     ▲ Task, Runnable, Join and Waker are all one pointer to here
//! ```
//!
//! Who may touch what: `stage` belongs to the runner while `RUNNING`, to the join handle (or to whoever
//! dropped it) once `COMPLETE`; `join waker` to the join handle while `JOIN_WAKER` is clear, and to the
//! completer while it is set. The state word hands both over. Which of the three the stage is, the header says: there is
//! a byte for it there, where a discriminant would cost every task eight.

use super::{
    Schedule,
    body::{Body, ThreadSlot},
    cancellation::Cause,
    fiber::Fiber,
    home::Home,
    join::{Failure, Outcome, contain},
    locals, memory,
    runnable::Runnable,
    state::{Start, State, Suspend},
    waker,
};
use std::{
    cell::{Cell as HomeCell, UnsafeCell},
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

/// What every task starts with, whatever its body is.
pub(crate) struct Header {
    pub(crate) state: State,
    pub(super) table: &'static Table,
    /// The stack that the body has parked on in direct style: a cancel wakes it. It may be out of date,
    /// which costs a spurious wake. A lock, since the canceller takes a reference while the home worker
    /// may be replacing it.
    pub(crate) fiber: Mutex<Option<Arc<Fiber>>>,
    /// The scheduler's list that the task is in, or [`UNLISTED`]. Written once, by the runner or before the first run.
    pub(crate) register: HomeCell<u16>,
    /// The body keeps values under keys, on the fiber that it runs on. The runner's.
    pub(super) has_locals: HomeCell<bool>,
    /// What the stage is. Whose that is, this is.
    holds: HomeCell<Holds>,
    /// Its place in that list; under the list's lock.
    pub(crate) place: HomeCell<u32>,
}

/// A task that never waited is in no list.
pub(crate) const UNLISTED: u16 = u16::MAX;

/// The operations that need to know the body's type.
pub(super) struct Table {
    pub(super) run: unsafe fn(NonNull<Header>) -> Option<Runnable>,
    pub(super) fail: unsafe fn(NonNull<Header>, Failure),
    pub(super) schedule: unsafe fn(NonNull<Header>),
    pub(super) waits: unsafe fn(NonNull<Header>),
    pub(super) take_output: unsafe fn(NonNull<Header>, *mut ()),
    pub(super) drop_output: unsafe fn(NonNull<Header>),
    pub(super) join_waker: unsafe fn(NonNull<Header>) -> NonNull<UnsafeCell<Option<Waker>>>,
    /// `None` for a future.
    pub(super) thread: Option<unsafe fn(NonNull<Header>) -> NonNull<ThreadSlot>>,
    /// What lies beside the body.
    pub(super) meta: unsafe fn(NonNull<Header>) -> NonNull<()>,
    pub(super) free: unsafe fn(NonNull<Header>),
}

/// What a stage holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Body,
    Output,
    Nothing,
}

union Stage<B: Body> {
    body: ManuallyDrop<B>,
    output: ManuallyDrop<Outcome<B::Output>>,
}

#[repr(C)]
struct Cell<B: Body, S> {
    header: Header,
    scheduler: S,
    join_waker: UnsafeCell<Option<Waker>>,
    meta: B::Meta,
    stage: UnsafeCell<Stage<B>>,
}

/// Makes a task with two references: one for the queue, and one for the join handle.
pub(super) fn allocate<B: Body, S: Schedule>(body: B, meta: B::Meta, scheduler: S) -> NonNull<Header> {
    let cell = memory::allocate::<Cell<B, S>>();
    let value = Cell {
        header: Header {
            state: State::new(),
            table: &Vtable::<B, S>::TABLE,
            fiber: Mutex::new(None),
            register: HomeCell::new(UNLISTED),
            has_locals: HomeCell::new(false),
            holds: HomeCell::new(Holds::Body),
            place: HomeCell::new(0),
        },
        scheduler,
        join_waker: UnsafeCell::new(None),
        meta,
        stage: UnsafeCell::new(Stage { body: ManuallyDrop::new(body) }),
    };
    // SAFETY: the memory is new, and made for it.
    unsafe { cell.write(value) };
    cell.cast()
}

impl Header {
    /// Whether its body is a green thread's.
    #[inline]
    pub(crate) fn is_thread(&self) -> bool {
        self.table.thread.is_some()
    }

    /// The task is about to wait: its scheduler must know of that before.
    #[inline]
    pub(super) fn note_wait(&self) {
        if self.register.get() == UNLISTED {
            // SAFETY: the header starts its cell, so a pointer to it is what the table asks for; only the runner calls.
            unsafe { (self.table.waits)(NonNull::from(self)) }
        }
    }

    /// The run is about to end: another thread may have the task next, or nobody.
    #[inline]
    fn drop_locals(&self) {
        if self.has_locals.get() {
            locals::drop_values(self);
        }
    }
}

struct Vtable<B, S>(B, S);

/// The functions of a task whose body is a `B`.
///
/// # Safety
///
/// Of each: `header` starts a live `Cell<B, S>`, and the caller owns what the function's own words say.
impl<B: Body, S: Schedule> Vtable<B, S> {
    const TABLE: Table = Table {
        run: Self::run,
        fail: Self::fail,
        schedule: Self::schedule,
        waits: Self::waits,
        take_output: Self::take_output,
        drop_output: Self::drop_output,
        join_waker: Self::join_waker,
        thread: if B::THREAD.is_some() { Some(Self::thread) } else { None },
        meta: Self::meta,
        free: Self::free,
    };

    unsafe fn cell<'a>(header: NonNull<Header>) -> &'a Cell<B, S> {
        // SAFETY: by contract; `Cell` is `repr(C)` with the header first, and was allocated as a whole.
        unsafe { header.cast::<Cell<B, S>>().as_ref() }
    }

    /// Runs the body once. The caller holds the queue's reference and gives it up; it comes back when the
    /// body was woken while it ran.
    unsafe fn run(header: NonNull<Header>) -> Option<Runnable> {
        // SAFETY: by contract.
        let cell = unsafe { Self::cell(header) };
        if cell.header.state.start() == Start::Cancelled {
            // SAFETY: `start` made us the runner.
            unsafe { Self::cancel(header) };
            return None;
        }
        assert!(cell.header.holds.get() == Holds::Body, "a task ran after its end");
        // SAFETY: the runner owns the stage, which is the body; the task stays where it is until it is freed, so the body is
        // pinned; it is dropped in place by `end`.
        let polled = catch_unwind(AssertUnwindSafe(|| unsafe {
            let body = &mut *(*cell.stage.get()).body;
            body.poll(&cell.meta, &mut Context::from_waker(&waker::borrowed(&header)))
        }));
        let outcome = match polled {
            // SAFETY: we are the runner still.
            Ok(Poll::Pending) => return unsafe { Self::rest(header) },
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => Err(Failure::new(payload)),
        };
        // SAFETY: as above.
        unsafe { Self::end(header, outcome) };
        None
    }

    /// After a `Pending`: goes idle, or asks to be queued again.
    unsafe fn rest(header: NonNull<Header>) -> Option<Runnable> {
        // SAFETY: by contract.
        let cell = unsafe { Self::cell(header) };
        cell.header.note_wait();
        cell.header.drop_locals();
        match cell.header.state.suspend() {
            Suspend::Idle => None,
            // SAFETY: the runner's reference becomes the queue's.
            Suspend::Reschedule => Some(unsafe { Runnable::from_raw(header) }),
            Suspend::Cancelled | Suspend::Forgotten => {
                // SAFETY: we are the runner still.
                unsafe { Self::cancel(header) };
                None
            }
        }
    }

    /// Drops the body unfinished. So the request has reached it, and its destructors may wait.
    unsafe fn cancel(header: NonNull<Header>) {
        if let Some(home) = Home::here() {
            home.current().cancellation.deliver(Cause::Request);
        }
        // SAFETY: by contract; the caller is the runner.
        unsafe { Self::end(header, Err(Failure::cancelled())) };
    }

    /// Drops the body, stores the outcome, tells who waits, and gives the runner's reference up. That comes last: what
    /// runs before it is foreign code, which may wait, and a wait looks into the header; and which may panic.
    unsafe fn end(header: NonNull<Header>, outcome: Outcome<B::Output>) {
        // SAFETY: by contract.
        let cell = unsafe { Self::cell(header) };
        // A body's destructor may panic: that is then the outcome, and reaches the handle only.
        // SAFETY: the runner owns the stage. The body is dropped where it was pinned.
        let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { Self::clear(cell) }));
        let outcome = match dropped {
            Ok(()) => outcome,
            Err(payload) => {
                contain(|| drop(outcome));
                Err(Failure::new(payload))
            }
        };
        cell.header.drop_locals();
        // SAFETY: the stage is the runner's, and holds nothing.
        unsafe { cell.stage.get().write(Stage { output: ManuallyDrop::new(outcome) }) };
        cell.header.holds.set(Holds::Output);
        let complete = cell.header.state.complete();
        if !complete.joined {
            // SAFETY: without a join handle, the output is the completer's.
            unsafe { Self::drop_output(header) };
        }
        if complete.wake {
            // SAFETY: the completer owns the slot once JOIN_WAKER was seen; the handle no longer writes it.
            if let Some(waker) = unsafe { &*cell.join_waker.get() } {
                contain(|| Home::wake_last(waker));
            }
        }
        B::ended(&cell.meta);
        cell.scheduler.finished(&cell.header);
        if cell.header.state.release() {
            // SAFETY: it was the last reference.
            unsafe { Self::free(header) };
        }
    }

    /// Ends a task that never ran. The caller holds the queue's reference and gives it up.
    unsafe fn fail(header: NonNull<Header>, failure: Failure) {
        // SAFETY: by contract.
        unsafe {
            Self::cell(header).header.state.start();
            Self::end(header, Err(failure));
        }
    }

    /// Puts the task into a queue. The caller hands one reference over.
    unsafe fn schedule(header: NonNull<Header>) {
        // SAFETY: by contract.
        let (scheduler, runnable) =
            unsafe { (Self::cell(header).scheduler.clone(), Runnable::from_raw(header)) };
        scheduler.schedule(runnable);
    }

    /// The caller is the runner.
    unsafe fn waits(header: NonNull<Header>) {
        // SAFETY: by contract.
        let cell = unsafe { Self::cell(header) };
        cell.scheduler.waits(&cell.header);
    }

    unsafe fn take_output(header: NonNull<Header>, into: *mut ()) {
        // SAFETY: by contract the task is complete, its output is the caller's, and `into` points to an
        // `Option<Outcome<B::Output>>`.
        unsafe {
            let cell = Self::cell(header);
            let held = cell.header.holds.replace(Holds::Nothing);
            assert!(held == Holds::Output, "a join handle was polled after it was ready");
            let outcome = ManuallyDrop::take(&mut (*cell.stage.get()).output);
            *into.cast::<Option<Outcome<B::Output>>>() = Some(outcome);
        }
    }

    /// Drops what the stage holds.
    unsafe fn drop_output(header: NonNull<Header>) {
        // Its destructor may panic; there is nobody left to tell.
        // SAFETY: by contract the stage is the caller's.
        contain(|| unsafe { Self::clear(Self::cell(header)) });
    }

    /// Drops what the stage holds, which is the caller's. It is forgotten before, so that a destructor that panics is not
    /// run again.
    unsafe fn clear(cell: &Cell<B, S>) {
        let stage = cell.stage.get();
        // SAFETY: by contract; the header says what is there, and it is dropped in place.
        unsafe {
            match cell.header.holds.replace(Holds::Nothing) {
                Holds::Body => ManuallyDrop::drop(&mut (*stage).body),
                Holds::Output => ManuallyDrop::drop(&mut (*stage).output),
                Holds::Nothing => {}
            }
        }
    }

    unsafe fn join_waker(header: NonNull<Header>) -> NonNull<UnsafeCell<Option<Waker>>> {
        // SAFETY: by contract.
        NonNull::from(unsafe { &Self::cell(header).join_waker })
    }

    /// The body is a green thread's.
    unsafe fn thread(header: NonNull<Header>) -> NonNull<ThreadSlot> {
        let slot = B::THREAD.expect("a green thread has a slot");
        // SAFETY: by contract.
        NonNull::from(slot(unsafe { &Self::cell(header).meta }))
    }

    unsafe fn meta(header: NonNull<Header>) -> NonNull<()> {
        // SAFETY: by contract.
        NonNull::from(unsafe { &Self::cell(header).meta }).cast()
    }

    /// Frees a task that nobody refers to; one that never completed loses its body first.
    unsafe fn free(header: NonNull<Header>) {
        // SAFETY: by contract.
        let cell = unsafe { Self::cell(header) };
        // Foreign code goes first, while the header is whole and the scheduler counts the task: a destructor may wait,
        // and a wait looks there.
        // SAFETY: by contract nobody else refers to the task, so the stage is ours.
        unsafe { Self::drop_output(header) };
        // SAFETY: and so is the slot.
        contain(|| drop(unsafe { (*cell.join_waker.get()).take() }));
        if !cell.header.state.is_complete() {
            cell.scheduler.finished(&cell.header);
        }
        let cell = header.cast::<Cell<B, S>>();
        // SAFETY: the cell came from `allocate`, and by contract nobody else refers to it.
        unsafe {
            cell.drop_in_place();
            memory::free(cell);
        }
    }
}
