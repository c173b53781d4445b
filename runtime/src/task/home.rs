//! Home: the part of a worker that tasks know. Its inbox, and its parked stacks that are ready to go on.
//!
//! Every fiber has one home and never leaves it. What is home-only is touched without atomics, by the
//! worker's own OS thread; everybody else posts a letter.

mod directory;

pub(crate) use directory::HomeId;

use super::{
    fiber::Fiber,
    inbox::{Inbox, Letter, Letters},
    measure::Probe,
    memory::Shelf,
};
use crate::{
    context,
    primitive::{
        Acquire, AtomicBool, AtomicU8, Relaxed, Release, SeqCst, fence,
        unmodelled::{AtomicU32, compiler_fence},
    },
};
use fibra_driver::Unparker;
use fibra_system::cpu::prefetch;
use std::{
    cell::Cell,
    ptr::{self, NonNull},
    sync::Arc,
    task::Waker,
};

/// See the module.
pub(crate) struct Home {
    id: HomeId,
    index: usize,
    inbox: Inbox,
    /// Home-only: what was taken out of the inbox, and is being delivered.
    letters: Letters,
    unparker: Unparker,
    /// The number of its OS thread in the kernel; 0 while it has none.
    thread: AtomicU32,
    doze: Doze,
    /// A shutdown was asked for: `is_requested` says so.
    asked: AtomicBool,
    /// A shutdown's grace is over: every cancellable wait fails.
    stopping: AtomicBool,
    /// Home-only: the scheduler's worker, opaque on this floor.
    worker: Cell<*const ()>,
    /// Home-only: the fiber that runs.
    current: Cell<*const Fiber>,
    ready: ReadyQueue,
    probe: Probe,
    shelf: Shelf,
    /// Home-only: what is woken now goes behind the others.
    is_patient: Cell<bool>,
}

// SAFETY: `letters`, `worker`, `current`, `ready`, `probe`, `shelf` and `is_patient` are home-only: their accessors below are called on the
// worker's own thread alone (`is_here`), which their callers check or were told to, or while that stands still. All else is atomic or `Sync`.
unsafe impl Sync for Home {}
// SAFETY: as above; the pointers are used by the worker's thread alone, wherever the last reference drops.
unsafe impl Send for Home {}

impl Home {
    pub(crate) fn new(index: usize, unparker: Unparker) -> Arc<Self> {
        let home = Arc::new(Self {
            id: HomeId::next(),
            index,
            inbox: Inbox::new(),
            letters: Letters::none(),
            unparker,
            thread: AtomicU32::new(0),
            doze: Doze::new(),
            asked: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            worker: Cell::new(ptr::null()),
            current: Cell::new(ptr::null()),
            ready: ReadyQueue::new(),
            probe: Probe::new(),
            shelf: Shelf::new(),
            is_patient: Cell::new(false),
        });
        directory::list(&home);
        home
    }

    /// The home with this number, unless its worker has ended. For who is not there, and rarely: it takes a lock.
    pub(crate) fn find(id: HomeId) -> Option<Arc<Home>> {
        directory::find(id)
    }

    /// What tells it from every other home of this process, whichever runtime that is in.
    #[inline]
    pub(crate) fn id(&self) -> HomeId {
        self.id
    }

    /// The worker's number in its runtime, from 0.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// The home that the calling OS thread is; `None` on a thread that is no worker.
    #[inline]
    pub(crate) fn here<'a>() -> Option<&'a Home> {
        // SAFETY: `enter`'s caller keeps the home alive until the thread has left it, and the frames that stand on
        // this thread's stacks, where the reference lives, are gone by then.
        unsafe { context::home().cast::<Home>().as_ref() }
    }

    /// Makes the calling OS thread this worker, until the returned value is dropped.
    ///
    /// # Safety
    ///
    /// The home stays alive until then, and nothing that runs on this thread keeps a reference from
    /// [`here`](Self::here) longer.
    pub(crate) unsafe fn enter(&self) -> Entered<'_> {
        context::set_home(ptr::from_ref(self).cast());
        self.thread.store(fibra_system::thread::id(), Release);
        Entered(self)
    }

    /// Whether this is the worker's thread, by its number in the kernel. For who looks at that thread, which stands still.
    pub(crate) fn is_thread(&self, thread: u32) -> bool {
        self.thread.load(Acquire) == thread
    }

    /// Whether the calling thread is this worker.
    #[inline]
    pub(crate) fn is_here(&self) -> bool {
        ptr::eq(context::home().cast(), self)
    }

    /// Has `letter` delivered by this worker. `false`: the worker has ended, and the reference stays with the caller.
    ///
    /// # Safety
    ///
    /// As for [`Inbox::post`].
    #[must_use]
    pub(crate) unsafe fn post(&self, letter: NonNull<Letter>) -> bool {
        // SAFETY: by contract.
        let posted = unsafe { self.leave(letter) };
        self.unpark();
        posted
    }

    /// The same for what is not urgent: if the worker sleeps, it goes on sleeping, and finds the letter afterwards.
    ///
    /// # Safety
    ///
    /// As for [`Inbox::post`].
    #[must_use]
    pub(crate) unsafe fn leave(&self, letter: NonNull<Letter>) -> bool {
        // SAFETY: by contract.
        unsafe { self.inbox.post(letter) }
    }

    /// Ends the worker's sleep, if it sleeps. What was written before is seen by it.
    pub(crate) fn unpark(&self) {
        if self.doze.disturb() {
            self.unparker.unpark();
        }
    }

    /// Says that the worker is about to wait, and then looks once more. `false`: there is a letter, or `is_idle` says
    /// that there is something else; don't.
    pub(crate) fn prepare_sleep(&self, is_idle: impl FnOnce() -> bool) -> bool {
        self.doze.prepare(|| self.inbox.is_empty() && is_idle())
    }

    /// The wait is over.
    pub(crate) fn end_sleep(&self) {
        self.doze.end();
    }

    /// Whether the worker waits, or is about to, and nobody has unparked it.
    pub(crate) fn is_dozing(&self) -> bool {
        self.doze.is_on()
    }

    /// Whether the worker waits, or is about to, even if it was unparked meanwhile: it has nothing to do as yet.
    pub(crate) fn is_resting(&self) -> bool {
        self.doze.is_resting()
    }

    /// Whether there is something to deliver.
    #[inline]
    pub(crate) fn has_letter(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// How many letters there are to deliver, at most `limit`. On the worker's thread, or while that stands still, at any instruction.
    pub(crate) fn count_letters(&self, limit: usize) -> usize {
        self.inbox.count(limit)
    }

    /// Delivers what others have posted. On the worker's thread only.
    pub(crate) fn deliver(&self) -> usize {
        debug_assert!(self.is_here());
        self.letters.deliver(|| self.inbox.take())
    }

    /// Delivers the last letters: the worker is about to end. On its thread only.
    pub(crate) fn close(&self) {
        debug_assert!(self.is_here());
        self.letters.deliver(|| self.inbox.close());
    }

    pub(crate) fn ask_to_stop(&self) {
        self.asked.store(true, SeqCst);
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, SeqCst);
    }

    pub(crate) fn is_asked_to_stop(&self) -> bool {
        self.asked.load(Relaxed)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// The stacks that can go on. On the worker's thread only.
    #[inline]
    pub(crate) fn ready(&self) -> &ReadyQueue {
        &self.ready
    }

    /// Queues `fiber`, which is ready and in no queue; its travelling reference goes with it.
    #[inline]
    pub(crate) fn queue(&self, fiber: &Fiber) {
        self.probe.queued(ptr::from_ref(fiber).cast());
        self.ready.push(fiber);
    }

    /// Follows some of those that become ready until they run. Home-only, but for its findings.
    #[inline]
    pub(crate) fn probe(&self) -> &Probe {
        &self.probe
    }

    /// The memory that ended tasks have left. On the worker's thread only.
    #[inline]
    pub(super) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The fiber that we stand on. On the worker's thread, inside of its loop, only.
    #[inline]
    pub(crate) fn current<'a>(&self) -> &'a Fiber {
        // SAFETY: inside of the loop there is always a current fiber, and it is kept alive while it is
        // current, by the reference that came with it.
        unsafe { &*self.current.get() }
    }

    /// The same for who looks at the thread from a signal handler, or while it stands still: it may stand on no fiber.
    pub(crate) fn try_current<'a>(&self) -> Option<&'a Fiber> {
        // SAFETY: as above; null outside of the loop.
        unsafe { self.current.get().as_ref() }
    }

    pub(crate) fn set_current(&self, fiber: *const Fiber) {
        self.current.set(fiber);
    }

    /// Wakes whoever waits for the end of a task, which goes behind the tasks that are queued already: a parent of many is
    /// woken once and finds many of its children at their end, instead of once for each of them.
    pub(crate) fn wake_last(waker: &Waker) {
        match Self::here() {
            Some(home) => home.patiently(|| waker.wake_by_ref()),
            None => waker.wake_by_ref(),
        }
    }

    /// Has those whom `wake` wakes queue in the order in which they are woken, behind the tasks that are queued already, instead of
    /// going first.
    pub(crate) fn patiently<R>(&self, wake: impl FnOnce() -> R) -> R {
        struct Restore<'a>(&'a Cell<bool>, bool);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.set(self.1);
            }
        }
        let _restore = Restore(&self.is_patient, self.is_patient.replace(true));
        wake()
    }

    /// Whether what is woken now goes behind the others; see [`patiently`](Self::patiently).
    #[inline]
    pub(crate) fn is_patient(&self) -> bool {
        self.is_patient.get()
    }

    /// What [`set_worker`](Self::set_worker) left.
    #[inline]
    pub(crate) fn worker(&self) -> *const () {
        self.worker.get()
    }

    pub(crate) fn set_worker(&self, worker: *const ()) {
        self.worker.set(worker);
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        directory::forget(self.id);
    }
}

/// See [`Home::enter`].
pub(crate) struct Entered<'a>(&'a Home);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        // Its number may soon be another thread's.
        self.0.thread.store(0, Release);
        context::set_home(ptr::null());
    }
}

/// Whether a worker waits in its driver, or is about to: then whoever has something for it must unpark it.
pub(crate) struct Doze(AtomicU8);

const AWAKE: u8 = 0;
const DOZING: u8 = 1;
/// Somebody unparks it, so nobody else needs to.
const DISTURBED: u8 = 2;

impl Doze {
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(AWAKE))
    }

    /// About to wait, unless there is something to do: `false`.
    pub(crate) fn prepare(&self, is_idle: impl FnOnce() -> bool) -> bool {
        self.0.store(DOZING, Relaxed);
        // Pairs with the fence in `disturb`: either we see what was left for us, or they see that we doze.
        fence(SeqCst);
        let doze = is_idle();
        if !doze {
            self.end();
        }
        doze
    }

    /// Something was left for the worker. `true`: unpark it.
    pub(crate) fn disturb(&self) -> bool {
        fence(SeqCst);
        self.0.load(Relaxed) == DOZING && self.0.compare_exchange(DOZING, DISTURBED, SeqCst, Relaxed).is_ok()
    }

    /// Whether the worker dozes undisturbed.
    pub(crate) fn is_on(&self) -> bool {
        self.0.load(SeqCst) == DOZING
    }

    /// Whether the worker dozes, disturbed or not: it is not awake again.
    pub(crate) fn is_resting(&self) -> bool {
        self.0.load(Relaxed) != AWAKE
    }

    /// Awake again.
    pub(crate) fn end(&self) {
        self.0.store(AWAKE, Relaxed);
    }
}

/// First in, first out, through a link in each fiber. Home-only.
pub(crate) struct ReadyQueue {
    first: Cell<*const Fiber>,
    last: Cell<*const Fiber>,
}

impl ReadyQueue {
    fn new() -> Self {
        Self { first: Cell::new(ptr::null()), last: Cell::new(ptr::null()) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.get().is_null()
    }

    /// Appends `fiber`, which is in no queue; its parked reference goes with it.
    #[inline]
    fn push(&self, fiber: &Fiber) {
        fiber.next.set(ptr::null());
        // A signal handler may `count` at any instruction: it must not find the fiber with an old link.
        compiler_fence(Release);
        // SAFETY: a fiber in the queue is kept alive by the reference that came with it.
        match unsafe { self.last.replace(fiber).as_ref() } {
            Some(last) => last.next.set(fiber),
            None => self.first.set(fiber),
        }
    }

    /// How many there are, at most `limit`. On the worker's thread, or while that stands still, at any instruction.
    pub(crate) fn count(&self, limit: usize) -> usize {
        let (mut fiber, mut count) = (self.first.get(), 0);
        // SAFETY: as in `push`; nobody takes one out while we are here.
        while let Some(current) = unsafe { fiber.as_ref() }
            && count < limit
        {
            count += 1;
            fiber = current.next.get();
        }
        count
    }

    /// Takes the oldest out, with its reference. While that runs, what the one after it needs comes into the cache: where
    /// many are ready, it mostly is not there.
    #[inline]
    pub(crate) fn pop(&self) -> Option<NonNull<Fiber>> {
        let first = NonNull::new(self.first.get().cast_mut())?;
        // SAFETY: as in `push`.
        let next = unsafe { first.as_ref() }.next.get();
        self.first.set(next);
        // SAFETY: as in `push`.
        match unsafe { next.as_ref() } {
            None => self.last.set(ptr::null()),
            Some(next) => {
                next.prefetch_stack();
                prefetch(next.next.get());
            }
        }
        Some(first)
    }
}
