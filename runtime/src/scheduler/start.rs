//! Starting workers, and finding the runtime that a call belongs to.
//!
//! A worker's driver is made on the worker's own thread, so a start takes two steps: every thread makes its driver and
//! says how to unpark it; when all have, each gets the scheduler and begins. If one fails, all end.

use super::{
    Scheduler, Shared,
    clock::Time,
    idle::Idle,
    injector::Injector,
    monitor::{self, Monitor},
    plan::{Plan, Wishes},
    register::Register,
    shutdown::Shutdown,
    worker::Worker,
};
use crate::{
    context,
    error::RuntimeError,
    primitive::unmodelled::{AtomicUsize, Ordering},
    task::{fiber::Fiber, home::Home},
};
use fibra_coro::overflow::{self, Located};
use fibra_driver::{Birthplace, Choice, Config, Driver, Offload, Unparker};
use std::{
    io, ptr,
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

/// Workers that run.
pub(crate) struct Running {
    /// What they share.
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) threads: Vec<JoinHandle<()>>,
    /// Watches them, unless that was not wanted.
    pub(crate) monitor: Option<JoinHandle<()>>,
    /// Which backend the drivers chose, and why.
    pub(crate) choice: Choice,
}

/// A driver has been made.
type Made = io::Result<(Unparker, Choice)>;
/// What a worker begins with.
type Assignment = (Arc<Home>, Arc<Scheduler>);

/// Starts the workers. What `first` spawns is there before any of them begins: none goes to sleep only to be woken for it.
pub(crate) fn start<T>(
    plan: &Plan,
    first: impl FnOnce(&Arc<Scheduler>) -> T,
) -> Result<(Running, T), RuntimeError> {
    fibra_coro::check_support().map_err(|error| RuntimeError::Setting(error.to_string()))?;
    overflow::install().map_err(RuntimeError::Thread)?;
    let mut candidates = Vec::new();
    for index in 0..plan.workers {
        candidates.push(Candidate::start(index, plan)?);
    }
    let mut shared = Vec::new();
    let mut choice = None;
    for (index, candidate) in candidates.iter().enumerate() {
        let (unparker, chosen) = candidate.made()?;
        shared.push(Arc::new(Shared::new(Home::new(index, unparker))));
        choice = Some(chosen);
    }
    let scheduler = Arc::new(Scheduler {
        workers: shared.into(),
        registers: (0..=plan.workers).map(|_| Register::new()).collect(),
        injector: Injector::new(),
        idle: Idle::new(plan.workers),
        offload: plan.offload.clone(),
        shutdown: Shutdown::new(),
        stack_size: plan.stack_size,
        time: Time::new(plan.clock.clone(), plan.timer_slack, plan.workers),
        monitor: Monitor::new(plan.workers, plan.monitor),
        birthplace: Birthplace::here(),
    });
    let monitor = plan.monitor.then(|| monitor::start(&scheduler, plan.on_stall.clone())).transpose()?;
    let first = first(&scheduler);
    let homes = scheduler.workers.iter().map(|shared| Arc::clone(&shared.home));
    let threads = candidates.into_iter().zip(homes);
    let threads = threads.map(|(candidate, home)| candidate.assign((home, Arc::clone(&scheduler)))).collect();
    let choice = choice.expect("there is at least one worker");
    Ok((Running { scheduler, threads, monitor, choice }, first))
}

/// A thread that makes its driver, and then waits for its assignment. Dropped before that, it ends.
struct Candidate {
    made: Receiver<Made>,
    assignment: Sender<Assignment>,
    thread: JoinHandle<()>,
}

impl Candidate {
    fn start(index: usize, plan: &Plan) -> Result<Self, RuntimeError> {
        let (made_sender, made) = channel();
        let (assignment, assignment_receiver) = channel();
        let mut config = Config::new(plan.offload.clone());
        config.backend = plan.backend;
        config.clock = plan.clock.clone();
        config.timer_slack = plan.timer_slack;
        // The builder has asked the environment already, and refused what is wrong there.
        config.environment = false;
        let thread = thread::Builder::new()
            .name(format!("fibra-{index}"))
            .spawn(move || worker_thread(&config, &made_sender, &assignment_receiver))
            .map_err(RuntimeError::Thread)?;
        Ok(Self { made, assignment, thread })
    }

    fn made(&self) -> Result<(Unparker, Choice), RuntimeError> {
        let made = self.made.recv().unwrap_or_else(|_| Err(io::Error::other("a worker's thread died")));
        made.map_err(RuntimeError::Driver)
    }

    fn assign(self, assignment: Assignment) -> JoinHandle<()> {
        // A thread that is gone has said so in `made`, or dies with a message of its own.
        let _ = self.assignment.send(assignment);
        self.thread
    }
}

fn worker_thread(config: &Config, made: &Sender<Made>, assignment: &Receiver<Assignment>) {
    let driver = match Driver::new(config) {
        Ok(driver) => driver,
        Err(error) => return drop(made.send(Err(error))),
    };
    if made.send(Ok((driver.unparker(), driver.choice().clone()))).is_err() {
        return;
    }
    let Ok((home, scheduler)) = assignment.recv() else { return };
    scheduler.monitor.introduce(home.index());
    let worker = Worker::new(Arc::clone(&home), scheduler, driver);
    home.set_worker((&raw const worker).cast());
    // SAFETY: `home` and `worker` live until the end of this function, after the guards below, and so do all frames
    // on this worker's stacks: they are gone when `run_to_end` returns, or it never does.
    let _entered = unsafe { home.enter() };
    // SAFETY: `locate` reads a home, which `home` keeps alive as long as the watch lasts.
    let watched = unsafe { overflow::watch_thread(locate, Arc::as_ptr(&home).cast()) };
    let _watched =
        watched.unwrap_or_else(|error| super::worker::die(&format!("no stack for signals: {error}")));
    worker.run_to_end();
}

/// Tells the overflow handler what stack this worker stands on. Called in a signal handler: it only reads.
///
/// # Safety
///
/// `data` is the home of the calling thread, and alive.
unsafe fn locate(data: *const ()) -> Option<Located<'static>> {
    // SAFETY: `data` is the home of the thread that the signal hit, which `worker_thread` keeps alive.
    let fiber = unsafe { (*data.cast::<Home>()).try_current() }?;
    let name = fiber.body().and_then(|header| header.thread()).and_then(|slot| slot.handle.get()?.name());
    Some(Located {
        bounds: fiber.bounds(),
        name,
        advice: "fibra::thread::Builder::stack_size, or FIBRA_STACK_SIZE",
    })
}

// ---- the runtime that a call belongs to ----

/// The runtime for threads that are in none, started at its first use.
fn default_runtime() -> &'static Running {
    static DEFAULT: OnceLock<Running> = OnceLock::new();
    DEFAULT.get_or_init(|| {
        let started = Wishes::default().resolve().and_then(|plan| start(&plan, |_| ()));
        let (running, ()) =
            started.unwrap_or_else(|error| panic!("fibra's default runtime did not start: {error}"));
        running
    })
}

/// Lends the scheduler for a call from here: the worker's, unless the body that calls has
/// entered another runtime; elsewhere, that of the runtime that the thread has entered, or the default's.
#[inline]
pub(crate) fn with_scheduler_for_here<T>(use_it: impl FnOnce(&Arc<Scheduler>) -> T) -> T {
    match Worker::here() {
        Some(worker) => {
            // SAFETY: as `entered` asks.
            let entered = unsafe { entered(worker.home().current().entered.get()) };
            use_it(entered.unwrap_or_else(|| worker.scheduler()))
        }
        None => {
            // SAFETY: as above.
            let entered = unsafe { entered(context::runtime()) };
            use_it(entered.unwrap_or_else(|| &default_runtime().scheduler))
        }
    }
}

/// The scheduler of the runtime that the caller is in, if it is in one.
pub(crate) fn scheduler_here() -> Option<Arc<Scheduler>> {
    match Worker::here() {
        Some(_) => Some(with_scheduler_for_here(Arc::clone)),
        None => with_entered_scheduler(Arc::clone),
    }
}

/// Lends the scheduler of the runtime that this thread, which is no worker, has entered, if it has.
pub(crate) fn with_entered_scheduler<T>(use_it: impl FnOnce(&Arc<Scheduler>) -> T) -> Option<T> {
    // SAFETY: as `entered` asks.
    unsafe { entered(context::runtime()) }.map(use_it)
}

/// # Safety
///
/// `runtime` is what [`within`] has set, which unsets it before its scheduler goes; the reference is not kept.
unsafe fn entered<'a>(runtime: *const ()) -> Option<&'a Arc<Scheduler>> {
    // SAFETY: by contract.
    unsafe { runtime.cast::<Arc<Scheduler>>().as_ref() }
}

/// Runs `inside` with the runtime of `scheduler` as the runtime of this thread; on a worker, of the body that calls: others,
/// which run there while it waits, have not entered anything.
pub(crate) fn within<T>(scheduler: &Arc<Scheduler>, inside: impl FnOnce() -> T) -> T {
    struct Leave<'a>(Option<&'a Fiber>, *const ());
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            replace_entered(self.0, self.1);
        }
    }
    let fiber = Home::here().map(Home::current);
    let _leave = Leave(fiber, replace_entered(fiber, ptr::from_ref(scheduler).cast()));
    inside()
}

fn replace_entered(fiber: Option<&Fiber>, runtime: *const ()) -> *const () {
    match fiber {
        Some(fiber) => fiber.entered.replace(runtime),
        None => context::replace_runtime(runtime),
    }
}

/// A home for an operation of a thread that is no worker: each in turn.
pub(crate) fn home_for_here() -> Arc<Home> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    with_scheduler_for_here(|scheduler| {
        scheduler.expect_workers();
        let workers = &scheduler.workers;
        Arc::clone(&workers[TURN.fetch_add(1, Ordering::Relaxed) % workers.len()].home)
    })
}

/// The pool for a call from here.
pub(crate) fn offload_here() -> Offload {
    with_scheduler_for_here(|scheduler| scheduler.offload.clone())
}
