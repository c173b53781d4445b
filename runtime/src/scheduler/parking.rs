//! Parking: a stack belongs to whoever parks on it, and the worker goes on elsewhere.
//!
//! ```text
//!   stack A                     stack B                      stack C (free)
//!   ┌───────────┐               ┌───────────┐                ┌───────────┐
//!   │ loop      │               │ loop      │                │ loop      │ prepared
//!   │ body of a │               │ body of b │                └───────────┘
//!   │ park ─────┼─── b ready ──▶│ … goes on │                      ▲
//!   └─────┬─────┘               └───────────┘                      │
//!         └───────────────────── nothing ready ────────────────────┘
//! ```
//!
//! * [`Worker::park`]: a body waits. The worker switches straight to the next ready stack; if there is none, to a
//!   free stack, where a new loop looks for tasks, turns the driver, or sleeps.
//! * The loop finds a ready stack: it leaves its own for good. That is free then; its frames hold nothing that
//!   needs dropping, and the next use starts afresh from the top.
//!
//! So a wake costs one switch, a body that never waits costs none, and a free stack is just a stack.

use super::{
    spans::Spans,
    worker::{Work, Worker, die},
};
use crate::{
    error::StackUnavailable,
    task::{
        fiber::{Fiber, Phase},
        join::Failure,
        runnable::Runnable,
    },
};
use fibra_coro::{Context, StackError, switch};
use fibra_driver::{Moment, Wait};
use std::{
    ptr::{self, NonNull},
    sync::Arc,
    thread::panicking,
    time::Duration,
};

/// Free stacks that a worker keeps for itself; more go back to the pool, which gives memory back in bulk.
const KEPT_FREE: usize = 64;

/// How long the pool keeps stacks that nobody needs before it gives some of them back, and then some more. With what
/// [`StackPool::settle`] gives back at once, half of a large burst has gone after a second.
///
/// [`StackPool::settle`]: fibra_coro::StackPool::settle
const SETTLE_PERIOD: Duration = Duration::from_millis(25);

impl Worker {
    /// Runs the worker until the runtime is over. Called on the stack that the OS gave the thread.
    pub(crate) fn run_to_end(&self) {
        let first = match self.free_fiber() {
            Ok(fiber) => self.set_running(fiber),
            Err(error) => die(&format!("worker {}: no first stack: {error}", self.home.index())),
        };
        // SAFETY: `first` was prepared. The loop's end comes back to what is saved here, which outlives it.
        unsafe { switch(self.os_stack.as_ptr(), first, ptr::from_ref(self) as usize) };
        self.home.set_current(ptr::null());
        self.reclaim();
        let mut stacks = self.stacks.borrow_mut();
        for fiber in self.free.borrow_mut().drain(..) {
            // SAFETY: the fiber is free, and this was the worker's reference to it.
            stacks.release(unsafe { fiber.take_stack() });
        }
    }

    /// Suspends the stack that we stand on until it is woken. It may return for no reason: whoever waits looks again.
    /// Not while panicking.
    pub(crate) fn park(&self) {
        let fiber = self.home.current();
        if fiber.introduce() {
            return;
        }
        fiber.set_phase(Phase::Parked);
        self.go_on(fiber);
    }

    /// Lets everything else that is ready go first. Not while panicking.
    pub(crate) fn yield_now(&self) {
        let fiber = self.home.current();
        if self.pace.is_poll_due() {
            self.queue_after_look(fiber);
        } else {
            if self.home.ready().is_empty() {
                self.pace.give_turn_to_ring();
            }
            fiber.make_ready();
        }
        self.go_on(fiber);
    }

    /// Leaves `from`, which is parked or ready, and returns when it is resumed.
    fn go_on(&self, from: &Fiber) {
        assert!(!panicking(), "a stack was about to be switched during a panic");
        self.stopwatch.stop(&self.shared().counters.run_times);
        let to = self.take_ready().or_else(|| self.free_fiber().ok()).unwrap_or_else(|| self.wait_in_place());
        if ptr::eq(to.as_ptr(), from) {
            from.set_phase(Phase::Running);
            self.home.probe().runs(to.as_ptr().cast_const().cast());
            return self.resumed();
        }
        let spans = Spans::leave();
        let to = self.set_running(to);
        // SAFETY: `to` rests here or was prepared, and nobody else resumes it: only this thread does, and it is in
        // no queue any more. `from` outlives its suspension: its reference is with itself or with the queue.
        unsafe { switch(from.context.as_ptr(), to, ptr::from_ref(self) as usize) };
        self.reclaim();
        spans.enter_again();
        self.resumed();
    }

    /// A body goes on after a wait.
    #[inline]
    fn resumed(&self) {
        self.stopwatch.start();
        self.renew_budget();
    }

    /// Makes `fiber` the one that runs; returns where it goes on.
    #[inline]
    fn set_running(&self, fiber: NonNull<Fiber>) -> Context {
        self.shared().counters.switches.add(1);
        self.home.probe().runs(fiber.as_ptr().cast_const().cast());
        self.home.set_current(fiber.as_ptr());
        // SAFETY: the fiber's travelling reference is ours, and stays with the worker while it runs.
        let fiber = unsafe { fiber.as_ref() };
        fiber.set_phase(Phase::Running);
        fiber.context.get()
    }

    /// Leaves the stack that we stand on for good. Its frames are forgotten: the loop's own hold nothing.
    fn leave_for(&self, to: NonNull<Fiber>) -> ! {
        self.left.set(self.home.current());
        let to = self.set_running(to);
        self.never_return(to)
    }

    fn never_return(&self, to: Context) -> ! {
        let mut nowhere = Context::null();
        // SAFETY: `to` is the OS thread's stack, suspended in `run_to_end`, or a fiber's as in `go_on`. What is saved
        // in `nowhere`, on a stack that is about to be reused, is never resumed.
        unsafe { switch(&mut nowhere, to, ptr::from_ref(self) as usize) };
        unreachable!("a stack that was left for good was resumed")
    }

    /// Takes back the fiber that the last switch left for good, now that nobody stands on it.
    #[inline]
    fn reclaim(&self) {
        let left = self.left.replace(ptr::null());
        if !left.is_null() {
            // SAFETY: `leave_for` put the fiber's travelling reference here, once.
            self.release(unsafe { Arc::from_raw(left) });
        }
    }

    fn release(&self, fiber: Arc<Fiber>) {
        fiber.set_phase(Phase::Free);
        let mut free = self.free.borrow_mut();
        if free.len() < KEPT_FREE && fiber.has_default_stack() {
            return free.push(fiber);
        }
        // SAFETY: the fiber is free, and this was the worker's only reference to it.
        self.stacks.borrow_mut().release(unsafe { fiber.take_stack() });
    }

    /// A fiber with a loop prepared on it, of the default size; its travelling reference comes along.
    fn free_fiber(&self) -> Result<NonNull<Fiber>, StackError> {
        let kept = self.free.borrow_mut().pop();
        let fiber = match kept {
            Some(fiber) => fiber,
            None => self.new_fiber(None)?,
        };
        Ok(Self::prepare(fiber))
    }

    #[cold]
    fn new_fiber(&self, size: Option<usize>) -> Result<Arc<Fiber>, StackError> {
        let stack = self.stacks.borrow_mut().allocate(size.unwrap_or(self.scheduler().stack_size))?;
        Ok(Fiber::new(Arc::clone(self.home()), stack, size.is_none()))
    }

    fn prepare(fiber: Arc<Fiber>) -> NonNull<Fiber> {
        // SAFETY: the stack is free: nobody stands on it, and its frames, if any, are a loop's, which hold nothing.
        fiber.context.set(unsafe { fiber.stack().prepare(loop_entry) });
        // SAFETY: `into_raw` is never null.
        unsafe { NonNull::new_unchecked(Arc::into_raw(fiber).cast_mut()) }
    }

    /// There is no memory for another stack: turns the driver right here until some stack is ready, which may be the one
    /// that we stand on. Tasks don't run meanwhile, which is slow, and better than losing the wait; other workers may take
    /// them.
    #[cold]
    fn wait_in_place(&self) -> NonNull<Fiber> {
        loop {
            if self.pace.is_poll_due() {
                self.look_around();
            }
            if let Some(ready) = self.home.ready().pop() {
                return ready;
            }
            self.scheduler().relieve(self.shared());
            let is_idle = || self.shared().placement.is_empty();
            let wait = if self.home.prepare_sleep(is_idle) { Wait::Forever } else { Wait::Not };
            self.collect(wait);
            self.end_sleep();
            self.hand_out();
        }
    }

    // ---- the loop ----

    fn run_loop(&self) -> ! {
        if let Some(runnable) = self.handed_over.take() {
            self.run(runnable);
        }
        // A stack of another size than the usual serves only the thread that asked for it.
        while self.home.current().has_default_stack() {
            match self.next_work() {
                Work::Run(runnable) => self.run_here_or_elsewhere(runnable),
                Work::Resume(fiber) => self.leave_for(fiber),
                Work::End => {
                    self.left.set(self.home.current());
                    self.never_return(self.os_stack.get())
                }
            }
        }
        match self.free_fiber() {
            Ok(fiber) => self.leave_for(fiber),
            Err(_) => self.leave_for(self.wait_in_place()),
        }
    }

    /// Runs a task: a future right here, and a green thread too, unless it asked for a stack of another size.
    /// There must be a second stack before a green thread starts: without one, nobody could go on when it parks.
    fn run_here_or_elsewhere(&self, runnable: Runnable) {
        let Some(thread) = runnable.thread() else { return self.run(runnable) };
        let stack_size = thread.stack_size;
        let Some(runnable) = self.place(runnable) else { return };
        let started = match stack_size {
            None => self.keep_spare().map(|()| None),
            Some(size) => self.keep_spare().and_then(|()| self.new_fiber(Some(size.get()))).map(Some),
        };
        match started {
            Ok(None) => self.run(runnable),
            Ok(Some(elsewhere)) => {
                self.handed_over.set(Some(runnable));
                self.leave_for(Self::prepare(elsewhere))
            }
            Err(error) => runnable.fail(Failure::new(Box::new(StackUnavailable::new(error)))),
        }
    }

    /// Lets the pool give back some of the stacks that nobody has needed of late, if it is time for that.
    pub(super) fn settle_stacks(&self, now: Moment) {
        if now >= self.settle_at.get() {
            self.stacks.borrow_mut().settle();
            self.note_stacks();
            self.settle_at.set(now.after(SETTLE_PERIOD));
        }
    }

    /// How long the worker may sleep when there is nothing to do: while the pool has stacks to give back, not for ever.
    pub(super) fn longest_sleep(&self) -> Wait {
        if self.stacks.borrow().has_surplus() {
            Wait::Until(self.settle_at.get().into())
        } else {
            Wait::Forever
        }
    }

    #[inline]
    fn keep_spare(&self) -> Result<(), StackError> {
        if self.free.borrow().is_empty() {
            let spare = self.new_fiber(None)?;
            self.free.borrow_mut().push(spare);
        }
        Ok(())
    }
}

/// Where a free stack starts.
///
/// # Safety
///
/// `word` is the worker whose stack this is, as every switch hands it over.
unsafe extern "C" fn loop_entry(word: usize) -> ! {
    // SAFETY: every switch hands its worker over, which outlives its stacks.
    let worker = unsafe { &*(word as *const Worker) };
    worker.reclaim();
    worker.run_loop()
}
