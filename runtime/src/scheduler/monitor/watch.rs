//! What the monitor knows of each worker, and when it calls one stuck.

use super::{PERIOD, witness::Witness};
use crate::{
    primitive::unmodelled::Ordering,
    scheduler::{
        Scheduler, Shared,
        register::Register,
        stall::{OnStall, Stall},
        start,
    },
    task::join::contain,
};
use fibra_coro::snapshot;
use fibra_system::thread::{self, Activity};
use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

/// See the module.
pub(super) struct Watch<'a> {
    scheduler: &'a Arc<Scheduler>,
    on_stall: Option<OnStall>,
    workers: Vec<Watched>,
}

/// A worker.
struct Watched {
    /// How far it had got at the last look.
    progress: u64,
    /// When it was seen there first, or dozing there last.
    since: Instant,
    opinion: Opinion,
}

enum Opinion {
    /// It goes on.
    Well,
    /// It stood still at one look. What it was doing then, if that can be known.
    Suspected(Option<Activity>),
    /// It stands still, but not in a task: between two, a wait in the kernel for example.
    Cleared,
    Stuck(Box<Stall>),
}

impl<'a> Watch<'a> {
    pub(super) fn new(scheduler: &'a Arc<Scheduler>, on_stall: Option<OnStall>) -> Self {
        let since = Instant::now();
        let watched = |_| Watched { progress: 0, since, opinion: Opinion::Well };
        Self { scheduler, on_stall, workers: (0..scheduler.workers.len()).map(watched).collect() }
    }

    /// Looks at all workers. `true`: they all doze.
    pub(super) fn look(&mut self) -> bool {
        let mut is_quiet = true;
        for index in 0..self.workers.len() {
            is_quiet &= self.look_at(index);
        }
        is_quiet
    }

    /// The runtime has ended: tells of stalls that were over by then, and nobody has seen that.
    pub(super) fn end(&mut self) {
        for index in 0..self.workers.len() {
            self.goes_on(index);
        }
    }

    fn look_at(&mut self, index: usize) -> bool {
        if let Some(is_dozing) = self.goes_on(index) {
            return is_dozing;
        }
        self.scheduler.relieve(&self.scheduler.workers[index]);
        if let Some(&thread) = self.scheduler.monitor.worker_threads[index].get() {
            self.judge(index, thread, self.workers[index].since.elapsed());
        }
        false
    }

    /// A worker that dozes, or has gone on since the last look, is not stuck (any more): whether it dozes.
    fn goes_on(&mut self, index: usize) -> Option<bool> {
        let shared = &self.scheduler.workers[index];
        let (progress, now) = (shared.counters.progress(), Instant::now());
        let is_dozing = shared.home.is_dozing();
        let watched = &mut self.workers[index];
        if !is_dozing && progress == watched.progress {
            return None;
        }
        let well = Watched { progress, since: now, opinion: Opinion::Well };
        let before = mem::replace(watched, well);
        if let Opinion::Stuck(stall) = before.opinion {
            self.tell_end(*stall, now - before.since);
        }
        Some(is_dozing)
    }

    /// A worker stands still: suspects it, and the next time finds out what is going on.
    fn judge(&mut self, index: usize, thread: u32, held_up: Duration) {
        let activity = || thread::activity(thread).ok();
        match &self.workers[index].opinion {
            Opinion::Well => self.workers[index].opinion = Opinion::Suspected(activity()),
            Opinion::Suspected(before) => match is_held_up(before.as_ref(), activity().as_ref()) {
                Some(false) => {}
                certainly => self.ask(index, thread, held_up, certainly.is_some()),
            },
            Opinion::Cleared | Opinion::Stuck(_) => {}
        }
    }

    /// Asks it, and reports it if it is stuck in a task. Unless that is certain, it may merely wait for a CPU: so it does if it is
    /// in no system call.
    fn ask(&mut self, index: usize, thread: u32, held_up: Duration, is_certain: bool) {
        let scheduler = self.scheduler;
        let shared = &scheduler.workers[index];
        // Before it is stopped, which may interrupt it.
        let told = thread::system_call(thread).ok().flatten();
        let mut witness = Witness::new(&shared.home);
        // SAFETY: `look` does what may be done while a thread stands still; see there.
        let asked = unsafe { snapshot::take(thread, &mut |moment| witness.look(moment)) };
        // A worker that does not answer is in a system call that nothing interrupts: in a task, most likely.
        let is_in_task = asked.is_err() || witness.body().is_some();
        let task = witness.body().and_then(|body| Register::describe(scheduler.registers.iter(), body));
        if shared.counters.progress() != self.workers[index].progress || shared.home.is_dozing() {
            // It has gone on meanwhile, so that the address may be another task's by now.
            return;
        }
        if !is_in_task {
            self.workers[index].opinion = Opinion::Cleared;
            return;
        }
        let place = || witness.addresses().first().copied();
        let blocked_in = told.or_else(|| thread::system_call_at(place()?));
        if asked.is_ok() && blocked_in.is_none() && !is_certain {
            return;
        }
        let mut stall = Stall::new(index, task, held_up, blocked_in);
        stall.addresses = witness.addresses().into();
        stall.backlog = witness.backlog(&shared.counters);
        scheduler.monitor.stalls.fetch_add(1, Ordering::Relaxed);
        scheduler.monitor.stuck.fetch_add(1, Ordering::Relaxed);
        self.report(&stall);
        self.workers[index].opinion = Opinion::Stuck(Box::new(stall));
    }

    fn tell_end(&self, mut stall: Stall, held_up: Duration) {
        self.scheduler.monitor.stuck.fetch_sub(1, Ordering::Relaxed);
        stall.end(held_up);
        self.report(&stall);
    }

    /// Tells whoever wants to hear of it, who is foreign code: a panic there is not the monitor's.
    fn report(&self, stall: &Stall) {
        if let Some(on_stall) = &self.on_stall {
            contain(|| start::within(self.scheduler, || on_stall.call(stall)));
        }
    }
}

/// Whether a thread was held up between two looks by what it does: it has run, or was blocked. Otherwise it has merely waited
/// for a CPU. `None`: where it stands will tell.
fn is_held_up(before: Option<&Activity>, now: Option<&Activity>) -> Option<bool> {
    let (Some(before), Some(now)) = (before, now) else { return Some(true) };
    if now.run_time.saturating_sub(before.run_time) >= PERIOD / 2 {
        return Some(true);
    }
    Some(before.is_waiting? && now.is_waiting?)
}

impl Scheduler {
    /// Has somebody take the work of a worker that stands still, if there is some that anybody may run: its own thread would
    /// have woken a sleeper for what is in its ring, but not for the task that is to run next, nor for what it was about to take
    /// from the injector or was given.
    pub(in crate::scheduler) fn relieve(&self, worker: &Shared) {
        self.free_placed(worker);
        if worker.has_work() || !self.injector.is_empty() {
            self.notify();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn activity(is_waiting: impl Into<Option<bool>>, run_time: u64) -> Option<Activity> {
        let mut activity = thread::activity(thread::id()).expect("of this thread it is known");
        (activity.is_waiting, activity.run_time) = (is_waiting.into(), Duration::from_millis(run_time));
        Some(activity)
    }

    #[test]
    fn who_waits_for_a_cpu_is_not_held_up() {
        let held_up =
            |before: Option<Activity>, now: Option<Activity>| is_held_up(before.as_ref(), now.as_ref());
        assert_eq!(held_up(activity(false, 5), activity(false, 6)), Some(false));
        assert_eq!(held_up(activity(true, 5), activity(false, 6)), Some(false), "woken, it waits for a CPU");
        assert_eq!(held_up(activity(true, 5), activity(true, 5)), Some(true), "it is blocked");
        assert_eq!(held_up(activity(false, 5), activity(false, 15)), Some(true), "it computes");
        assert_eq!(held_up(activity(None, 5), activity(None, 15)), Some(true), "it computes");
        assert_eq!(held_up(activity(None, 5), activity(None, 5)), None, "either");
        assert_eq!(held_up(None, activity(false, 5)), Some(true), "nothing can be known");
    }
}
