//! A worker: an OS thread with a driver, a ring of tasks, and a supply of stacks.
//!
//! Its loop runs on a pooled stack and runs every body right there. When a body parks, [`parking`](super::parking)
//! moves on to another stack, and the loop goes on there. All methods are called on the worker's own thread.

use super::{Scheduler, Shared, completion::Arrived, pace::Pace, spin::Spin};
use crate::task::{
    fiber::{Fiber, Phase},
    home::{Home, HomeId},
    measure::Stopwatch,
    runnable::Runnable,
};
use fibra_coro::{Context, StackPool, StackPoolConfig};
use fibra_driver::{Driver, Moment, Wait};
use std::{
    cell::{Cell, RefCell, UnsafeCell},
    ptr::{self, NonNull},
    sync::Arc,
};

/// What a task may do without waiting (see [`Worker::charge`]) before others get their turn.
const BUDGET: u32 = 128;

/// See the module.
pub(crate) struct Worker {
    pub(super) home: Arc<Home>,
    pub(super) scheduler: Arc<Scheduler>,
    shared: Arc<Shared>,
    pub(super) stopwatch: Stopwatch,
    driver: UnsafeCell<Driver>,
    pub(super) arrived: Arrived,
    pub(super) stacks: RefCell<StackPool>,
    /// When the pool may give back unused stacks the next time.
    pub(super) settle_at: Cell<Moment>,
    /// Fibers whose stacks wait for a loop: used again before the pool is asked.
    pub(super) free: RefCell<Vec<Arc<Fiber>>>,
    /// The stack that the OS gave this thread, while we are on ours.
    pub(super) os_stack: Cell<Context>,
    /// The fiber that was left for good by the last switch.
    pub(super) left: Cell<*const Fiber>,
    /// The fiber that yields while a look at the world is due: it is ready, and queued behind whom the look wakes.
    yielding: Cell<*const Fiber>,
    /// A closure that asked for a stack of its own size: the loop that starts there runs it first.
    pub(super) handed_over: Cell<Option<Runnable>>,
    pub(super) pace: Pace,
    spin: Spin,
    pub(super) next_in_a_row: Cell<u32>,
    budget: Cell<u32>,
    pub(super) steal_seed: Cell<u32>,
    /// Who was asked last whether a green thread had better live there.
    pub(super) asked: Cell<usize>,
}

/// What the loop does next.
pub(super) enum Work {
    Run(Runnable),
    Resume(NonNull<Fiber>),
    /// The runtime is over.
    End,
}

impl Worker {
    pub(crate) fn new(home: Arc<Home>, scheduler: Arc<Scheduler>, driver: Driver) -> Self {
        Self {
            shared: Arc::clone(&scheduler.workers[home.index()]),
            stopwatch: Stopwatch::new(),
            home,
            scheduler,
            driver: UnsafeCell::new(driver),
            arrived: Arrived::default(),
            stacks: RefCell::new(StackPool::new(StackPoolConfig::default())),
            settle_at: Cell::new(Moment::now()),
            free: RefCell::new(Vec::new()),
            os_stack: Cell::new(Context::null()),
            left: Cell::new(ptr::null()),
            yielding: Cell::new(ptr::null()),
            handed_over: Cell::new(None),
            pace: Pace::new(),
            spin: Spin::new(),
            next_in_a_row: Cell::new(0),
            budget: Cell::new(BUDGET),
            steal_seed: Cell::new(0x9E37_79B9),
            asked: Cell::new(0),
        }
    }

    /// The calling thread's worker.
    #[inline]
    pub(crate) fn here<'a>() -> Option<&'a Worker> {
        Self::of(Home::here()?)
    }

    /// The same, if it is the one with this home.
    #[inline]
    pub(crate) fn here_at<'a>(home: HomeId) -> Option<&'a Worker> {
        Self::of(Home::here().filter(|here| here.id() == home)?)
    }

    #[inline]
    fn of(here: &Home) -> Option<&Worker> {
        let worker: *const Worker = here.worker().cast();
        // SAFETY: a home's worker is set before its thread enters the context, and lives until it has left.
        unsafe { worker.as_ref() }
    }

    #[inline]
    pub(crate) fn scheduler(&self) -> &Arc<Scheduler> {
        &self.scheduler
    }

    pub(crate) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    #[inline]
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Lends the driver for the length of `use_it`, which must not wait.
    #[inline]
    pub(crate) fn with_driver<T>(&self, use_it: impl FnOnce(&mut Driver) -> T) -> T {
        // SAFETY: only this thread comes here, and `use_it` runs no code that could come here again: the
        // callers submit, cancel or turn, which call back nobody.
        use_it(unsafe { &mut *self.driver.get() })
    }

    // ---- the loop's choice ----

    /// What to do next; waits until there is something. What was submitted meanwhile leaves with the wait, in the same
    /// system call.
    pub(super) fn next_work(&self) -> Work {
        loop {
            if self.pace.is_poll_due() {
                self.look_around();
            }
            if let Some(work) = self.at_hand() {
                return self.counted(work);
            }
            if self.hand_out() {
                continue;
            }
            if let Some(thread) = self.take_placed() {
                return self.counted(Work::Run(thread));
            }
            if let Some(task) = self.pop_injector() {
                self.scheduler.notify();
                return self.counted(Work::Run(task));
            }
            if self.scheduler.shutdown.is_over() {
                if self.wind_up() {
                    return Work::End;
                }
                continue;
            }
            if let Some(task) = self.search_or_sleep() {
                return self.counted(Work::Run(task));
            }
        }
    }

    /// Wherever the work comes from, it brings the next look at the driver nearer.
    #[inline]
    fn counted(&self, work: Work) -> Work {
        self.pace.count_run();
        work
    }

    /// Whether a switch straight to the next ready stack is all right: it is not when the driver wants a look.
    #[inline]
    pub(super) fn take_ready(&self) -> Option<NonNull<Fiber>> {
        if self.pace.is_poll_due() || (self.pace.is_rings_turn() && self.shared().has_work()) {
            return None;
        }
        let fiber = self.home.ready().pop()?;
        self.pace.count_run();
        Some(fiber)
    }

    /// Submits, collects completions and letters, and takes a share of the injector, without waiting.
    #[cold]
    pub(crate) fn look_around(&self) {
        self.home.deliver();
        self.turn(Wait::Not);
        self.start_poll_period();
        self.queue_yielding();
        if let Some(thread) = self.take_placed() {
            self.push_again(thread);
        }
        if !self.scheduler.injector.is_empty()
            && let Some(task) = self.pop_injector()
        {
            self.push_again(task);
        }
        self.share_if_long();
    }

    /// A look at the world is due, and `fiber`, which runs, yields: who has been waiting for a timer or for I/O goes first.
    /// The loop looks before it does anything else.
    #[cold]
    pub(super) fn queue_after_look(&self, fiber: &Fiber) {
        // A look that is under way may have been left by something foreign that yields.
        self.queue_yielding();
        fiber.set_phase(Phase::Ready);
        self.yielding.set(fiber);
    }

    fn queue_yielding(&self) {
        // SAFETY: a fiber that yields rests, and its travelling reference is with us until it is queued.
        let Some(yielding) = (unsafe { self.yielding.replace(ptr::null()).as_ref() }) else { return };
        if self.home.ready().is_empty() {
            self.pace.give_turn_to_ring();
        }
        self.home.queue(yielding);
    }

    /// When the driver let go of us the last time, by the runtime's clock.
    #[inline]
    pub(crate) fn last_look(&self) -> Moment {
        self.scheduler.time.clock.at(self.pace.last_poll())
    }

    /// Now, or a moment that is up to some 20 µs later and cheaper to find out, by the runtime's clock.
    #[inline]
    pub(super) fn not_before_now(&self) -> Moment {
        self.scheduler.time.clock.at(self.pace.not_before_now())
    }

    fn start_poll_period(&self) {
        let now = self.pace.start_period();
        self.settle_stacks(now);
        let now = self.scheduler.time.clock.at(now);
        let is_saturated = self.with_driver(|driver| {
            driver.tell_time(now);
            driver.is_saturated()
        });
        self.pace.note_saturation(is_saturated && self.scheduler.workers.len() > 1);
    }

    /// Turns the driver once, and hands out what it has brought.
    pub(crate) fn turn(&self, wait: Wait) {
        self.collect(wait);
        self.arrived.hand_out(&self.home);
    }

    /// Turns the driver once. What it brings is to be handed out once the worker no longer says that it sleeps: whoever gets
    /// it may wait on this stack, and the next sleep will be that of another one.
    pub(super) fn collect(&self, wait: Wait) {
        if let Err(error) = self.with_driver(|driver| self.arrived.collect(driver, wait)) {
            die(&format!("worker {}: its driver failed: {error}", self.home.index()));
        }
        self.note_turn();
    }

    /// Hands out what was collected, and delivers letters. Returns whether there was anything.
    pub(super) fn hand_out(&self) -> bool {
        let has_handed_out = self.arrived.hand_out(&self.home);
        self.home.deliver() > 0 || has_handed_out
    }

    // ---- idleness ----

    /// Steals, or else sleeps until something may have changed.
    #[cold]
    fn search_or_sleep(&self) -> Option<Runnable> {
        let scheduler = &self.scheduler;
        if scheduler.workers.len() > 1 {
            if self.submits_first() {
                return None;
            }
            if let Some(stolen) = self.search() {
                return Some(stolen);
            }
        }
        let has_operations = self.with_driver(|driver| driver.ops_in_flight()) > 0;
        if !has_operations && self.spin.wait(|| self.home.has_letter()) {
            // What was pushed while we searched was left to us, and the letter may keep us busy.
            self.wake_another();
            return None;
        }
        // The order matters: say that we sleep, to who picks a sleeper and to who unparks it, then look once more: what
        // comes after that look finds us asleep in both places. `Idle` and `Doze` have the argument. Work behind a
        // searcher is the searcher's: it may be held up, and looking again and again would not help it.
        if !self.say_outlook() {
            return None;
        }
        let index = self.home.index();
        scheduler.idle.add(index);
        let is_idle = || self.shared.placement.is_empty() && !scheduler.shutdown.is_over();
        let may_sleep = || scheduler.idle.may_sleep(index, || scheduler.has_work()) && is_idle();
        let sleeps = self.home.prepare_sleep(may_sleep);
        if sleeps {
            self.shared.counters.parks.add(1);
            self.note_turn();
            if scheduler.time.clock.is_stopped() {
                self.turn_in_stopped_time();
            } else {
                self.collect(self.longest_sleep());
            }
            self.end_sleep();
            self.spin.slept(self.home.has_letter());
        }
        if scheduler.idle.remove(index) {
            self.wake_another();
        } else {
            self.search_as_picked();
        }
        self.hand_out();
        if sleeps {
            // Without a look at the driver the period goes on, or frequent letters would starve it.
            self.start_poll_period();
        }
        None
    }

    /// What our own tasks have asked for goes before what others have. Much of it ends as it begins, and two workers that took each
    /// other's tasks instead, turn by turn, would be quicker alone. Nor shall one that has no time to sleep be woken to help.
    /// `true`: it has brought something to do.
    fn submits_first(&self) -> bool {
        if !self.with_driver(Driver::has_queued) || !(self.pace.is_saturated() || self.scheduler.has_work()) {
            return false;
        }
        self.look_around();
        self.has_at_hand()
    }

    /// Steals, unless somebody else is searching.
    fn search(&self) -> Option<Runnable> {
        if !self.scheduler.idle.start_search() {
            return None;
        }
        let stolen = self.steal();
        self.scheduler.idle.end_search();
        if stolen.is_some() {
            self.wake_another();
        }
        stolen
    }

    /// We were woken to search: somebody pushed a task. What is found goes into a queue, where others see it: before it
    /// runs, something foreign may have to be woken, which may wait.
    fn search_as_picked(&self) {
        let found =
            if self.shared().has_work() { None } else { self.pop_injector().or_else(|| self.steal()) };
        self.scheduler.idle.end_search();
        self.wake_another();
        if let Some(found) = found {
            self.push_next(found);
        }
    }

    /// The search is over: whoever pushed meanwhile has left the next wake to us.
    fn wake_another(&self) {
        if self.scheduler.has_work() {
            self.scheduler.notify();
        }
    }

    // ---- running ----

    /// Runs a task's body on the stack that we stand on.
    pub(super) fn run(&self, runnable: Runnable) {
        let fiber = self.home.current();
        debug_assert_eq!(fiber.phase(), Phase::Running);
        self.budget.set(BUDGET);
        if self.home.is_stopping() {
            // A task that has not waited yet is in no list: this is how it hears of it.
            runnable.cancel();
        }
        self.shared.counters.polls.add(1);
        self.home.probe().runs(runnable.address());
        self.stopwatch.start();
        fiber.enter_body(runnable.header());
        let again = runnable.run();
        fiber.leave_body();
        self.stopwatch.stop(&self.shared.counters.run_times);
        if let Some(runnable) = again {
            // As in `yield_now`: who has been waiting meanwhile goes first.
            if self.pace.is_poll_due() {
                self.look_around();
            }
            self.push_again(runnable);
        }
    }

    /// Charges the running task for something that it did without waiting. `true`: it has had its share.
    #[inline]
    pub(super) fn charge(&self) -> bool {
        let left = self.budget.get();
        self.budget.set(left.saturating_sub(1));
        // A thread that panics lets nobody else run, so its share is never renewed.
        left == 0 && !std::thread::panicking()
    }

    /// Charges the body that calls for something that it did without waiting, which may be a failure: one that tries again
    /// and again must not keep the worker.
    #[inline]
    pub(crate) fn spend(&self) {
        // What the loop wakes has no share of its own.
        if self.charge() && self.home.current().body().is_some() {
            self.yield_now();
        }
    }

    /// A task, or a stack, has been waiting: its share starts anew.
    #[inline]
    pub(super) fn renew_budget(&self) {
        self.budget.set(BUDGET);
    }
}

/// Something that the runtime can't go on without is broken: says so, and aborts.
#[cold]
pub(crate) fn die(message: &str) -> ! {
    eprintln!("fibra: {message}");
    std::process::abort();
}
