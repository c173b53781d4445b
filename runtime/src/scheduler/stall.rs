//! What is known of a worker that is stuck, for who wants to hear of it.

mod place;

pub use fibra_system::thread::SystemCall;
pub use place::Place;

use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::{Arc, OnceLock},
    time::Duration,
};

/// Who wants to hear of it.
#[derive(Clone)]
pub(crate) struct OnStall(Arc<dyn Fn(&Stall) + Send + Sync>);

impl fmt::Debug for OnStall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnStall").finish_non_exhaustive()
    }
}

// Only the monitor calls it, whom its panics don't reach.
impl UnwindSafe for OnStall {}
impl RefUnwindSafe for OnStall {}

impl OnStall {
    pub(crate) fn new(call: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        Self(Arc::new(call))
    }

    pub(super) fn call(&self, stall: &Stall) {
        (self.0)(stall);
    }
}

/// A worker is stuck in a task, or was until now.
///
/// [`Builder::on_stall`](crate::Builder::on_stall) hears of each one twice: when it is found, and when it
/// [is over](Stall::is_over). Printed, it says all that is known:
///
/// ```text
/// worker 0 is stuck in green thread 'mapper', for 21 ms so far, in clock_nanosleep: a sleep of the OS thread
///   at   std::thread::functions::sleep (…/std/src/thread/functions.rs:315)
///   from app::wait_for_disk (src/main.rs:17)
///   from app::main::{{closure}} (src/main.rs:31)
///   held up on this worker: 3 green thread(s) that could go on, 12 timer(s), 4 operation(s)
/// ```
///
/// ```
/// use fibra::stall::Stall;
///
/// fn hear(stall: &Stall) {
///     if stall.is_over() {
///         eprintln!("worker {} lost {:?} to {}", stall.worker(), stall.held_up(), stall.task());
///     }
/// }
///
/// fibra::Builder::new().on_stall(hear).run(|| ());
/// ```
#[derive(Clone, Debug)]
pub struct Stall {
    worker: usize,
    task: Option<String>,
    held_up: Duration,
    is_over: bool,
    blocked_in: Option<SystemCall>,
    /// A program counter, and then return addresses, innermost first.
    pub(super) addresses: Vec<usize>,
    places: OnceLock<Vec<Place>>,
    pub(super) backlog: Backlog,
}

/// What belongs to the worker and waits for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backlog {
    pub(super) ready_threads: usize,
    pub(super) letters: usize,
    pub(super) timers: usize,
    pub(super) operations: usize,
}

impl fmt::Display for Backlog {
    /// A line of its own, unless there is nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.ready_threads, "green thread(s) that could go on"),
            (self.letters, "letter(s) from other threads"),
            (self.timers, "timer(s)"),
            (self.operations, "operation(s)"),
        ];
        for (index, (count, what)) in parts.into_iter().filter(|(count, _)| *count > 0).enumerate() {
            write!(f, "{}{count} {what}", if index == 0 { "\n  held up on this worker: " } else { ", " })?;
        }
        Ok(())
    }
}

impl Stall {
    pub(super) fn new(
        worker: usize,
        task: Option<String>,
        held_up: Duration,
        blocked_in: Option<SystemCall>,
    ) -> Self {
        Self {
            worker,
            task,
            held_up,
            is_over: false,
            blocked_in,
            addresses: Vec::new(),
            places: OnceLock::new(),
            backlog: Backlog::default(),
        }
    }

    pub(super) fn end(&mut self, held_up: Duration) {
        (self.is_over, self.held_up) = (true, held_up);
    }

    /// The worker's number, from 0: the `worker` of its metrics.
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// What to call the task: "green thread 'mapper'", "a future". A task without a name that has not waited yet is in no
    /// list, so that only "a task" is known.
    pub fn task(&self) -> &str {
        self.task.as_deref().unwrap_or("a task")
    }

    /// For how long the worker has been held up so far; once it is over, in all. To within 10 ms, on a machine that isn't
    /// overloaded.
    pub fn held_up(&self) -> Duration {
        self.held_up
    }

    /// Whether the worker goes on.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The system call in which the worker was found waiting; `None` if it was computing, or if the system doesn't tell.
    ///
    /// If it [is a lock](SystemCall::is_lock), and a green thread of the same worker holds that lock, the worker waits for
    /// ever: it can't run who would let go of it. A lock of `std::sync` that is held across a wait does that; so do `Once`
    /// and `LazyLock` while they are initialised, and the lock of standard output. Those of [`sync`](crate::sync) let the
    /// worker go on.
    pub fn blocked_in(&self) -> Option<SystemCall> {
        self.blocked_in
    }

    /// Where the worker was when it was found: where it goes on, and who has called that, innermost first. On Linux some callers
    /// may be left from calls that are over, since stacks are searched rather than unwound. Empty if the worker could not be asked.
    ///
    /// With the feature `symbols`, the first call looks names up in the program's file, which takes long (up to seconds, in a
    /// large program).
    pub fn places(&self) -> &[Place] {
        self.places.get_or_init(|| place::find(&self.addresses))
    }

    /// The green threads of this worker that could have gone on when it was found stuck. Counted up to 10,000.
    pub fn ready_threads(&self) -> usize {
        self.backlog.ready_threads
    }

    /// What other threads had left for the worker by then: wakes, operations to start or to cancel. Counted up to 10,000.
    pub fn letters(&self) -> usize {
        self.backlog.letters
    }

    /// The timers of this worker, which are late if they expire meanwhile.
    pub fn timers(&self) -> usize {
        self.backlog.timers
    }

    /// The operations that the kernel had from this worker, whose ends are noticed late.
    pub fn operations(&self) -> usize {
        self.backlog.operations
    }

    fn write_cause(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(call) = self.blocked_in else { return Ok(()) };
        write!(f, ", in {call}")?;
        if call.is_sleep() {
            f.write_str(": a sleep of the OS thread")
        } else if call.is_lock() {
            f.write_str(
                ": a lock of the system; if a green thread of this worker holds it, as a lock of std that is held across \
                 a wait, it waits for ever",
            )
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (worker, task, held_up) = (self.worker, self.task(), self.held_up.as_millis());
        if self.is_over {
            write!(f, "worker {worker} was stuck in {task}, for {held_up} ms")?;
        } else {
            write!(f, "worker {worker} is stuck in {task}, for {held_up} ms so far")?;
        }
        self.write_cause(f)?;
        for (index, place) in self.places().iter().enumerate() {
            write!(f, "\n  {} {place}", if index == 0 { "at  " } else { "from" })?;
        }
        write!(f, "{}", self.backlog)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_stall_says_what_is_known() {
        let mut stall = Stall::new(3, Some("green thread 'mapper'".into()), Duration::from_millis(21), None);
        (stall.backlog.ready_threads, stall.backlog.timers) = (2, 1);
        assert_eq!(
            stall.to_string(),
            "worker 3 is stuck in green thread 'mapper', for 21 ms so far\n  held up on this worker: 2 green thread(s) that \
             could go on, 1 timer(s)"
        );
        stall.end(Duration::from_secs(1));
        assert!(stall.to_string().starts_with("worker 3 was stuck in green thread 'mapper', for 1000 ms\n"));
        let unknown = Stall::new(0, None, Duration::from_millis(10), None);
        assert_eq!(unknown.to_string(), "worker 0 is stuck in a task, for 10 ms so far");
    }
}
