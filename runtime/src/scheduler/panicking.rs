//! What must not happen while a thread panics, and what happens instead.
//!
//! std counts panics per OS thread. If a green thread that is unwinding let another one run, every lock that the other
//! releases would be poisoned, and a panic there would abort. So there is no switch during a panic: a wait in a
//! destructor turns the worker's driver in place.

use super::{
    clock,
    worker::{Worker, die},
};
use fibra_driver::Wait;
use std::time::{Duration, Instant};

/// How long a wait may last during a panic: what it waits for may depend on a task that can't run meanwhile.
const LONGEST_WAIT_IN_PANIC: Duration = Duration::from_secs(1);

/// The limit of a wait that begins now, by the system's clock. One that has a deadline ends by itself, and may last until
/// then; but while the runtime's clock stands it does not.
pub(crate) fn limit_of_wait(deadline: Option<Instant>) -> Instant {
    let now = Instant::now();
    let deadline = deadline.filter(|_| !clock::is_stopped_here());
    let deadline = deadline.map(|deadline| now + deadline.saturating_duration_since(clock::now()));
    let end = deadline.map_or(now, |deadline| deadline.max(now));
    end.checked_add(LONGEST_WAIT_IN_PANIC).unwrap_or(end)
}

impl Worker {
    /// Turns the driver in place until `is_over`. Past `limit` the process aborts, and says what waited for what.
    #[cold]
    pub(crate) fn turn_in_panic(&self, what: &str, limit: Instant, mut is_over: impl FnMut() -> bool) {
        let fiber = self.home.current();
        loop {
            fiber.set_notified(false);
            if is_over() {
                break;
            }
            if Instant::now() >= limit {
                let who = fiber.body().map_or_else(|| "a task".into(), |header| header.describe());
                die(&format!(
                    "{who} waits in `{what}` while it panics, and its worker can run nobody else meanwhile: gave up"
                ));
            }
            let wait =
                if self.home.prepare_sleep(|| !fiber.is_notified()) { Wait::Until(limit) } else { Wait::Not };
            self.collect(wait);
            self.end_sleep();
            self.hand_out();
            self.leave_tasks_to_others();
        }
        // A wait around this one may have been woken by what was cleared here: it has to look again.
        fiber.set_notified(true);
    }

    /// Takes a look at the world, and no more: what a loop that yields waits for may depend on that.
    #[cold]
    pub(crate) fn yield_in_panic(&self) {
        self.home.deliver();
        self.turn(Wait::Not);
        self.leave_tasks_to_others();
    }

    /// Tasks that were woken can't run here during a panic, and what is waited for may depend on them.
    fn leave_tasks_to_others(&self) {
        if self.scheduler().has_work() {
            self.scheduler().notify();
        }
    }
}

/// Aborts if the frame that holds it is left by a panic: the kernel, or a timer, still refers to that frame.
pub(crate) struct NeverLeft(pub(crate) &'static str);

impl Drop for NeverLeft {
    fn drop(&mut self) {
        die(&format!("a panic left a frame that {} refers to", self.0));
    }
}
