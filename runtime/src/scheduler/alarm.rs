//! A timer for whoever stands on a fiber: it resumes the fiber at a moment, unless it is stopped before.

use super::{
    panicking::{NeverLeft, limit_of_wait},
    worker::Worker,
};
use crate::task::direct::Direct;
use fibra_driver::{Op, OpKey, Submission};
use std::{mem, time::Instant};

/// Starts an alarm that ends `direct` at `deadline`, or as much later as the runtime's timers may be. It must be [stopped](stop) before `direct` goes away.
pub(crate) fn start(worker: &Worker, direct: &Direct, deadline: Instant) -> OpKey {
    // SAFETY: a timeout points to nothing; that `direct` stays is the caller's promise, kept by frames that stop the
    // alarm before they are left.
    match worker.with_driver(|driver| unsafe { driver.submit(&Op::Timeout { deadline }, direct.word()) }) {
        Submission::Pending(key) => key,
        Submission::Complete(_) => unreachable!("a timeout goes through the wheel"),
    }
}

/// Stops an alarm; when this returns, `direct` is no longer referred to.
pub(crate) fn stop(worker: &Worker, direct: &Direct, key: OpKey) {
    if direct.has_ended() || worker.with_driver(|driver| driver.withdraw(key)) {
        return;
    }
    let bomb = NeverLeft("a timer");
    // It has expired, and its completion is on the way.
    if std::thread::panicking() {
        worker.turn_in_panic("timer", limit_of_wait(None), || direct.has_ended());
    }
    while !direct.has_ended() {
        worker.park();
    }
    mem::forget(bomb);
}
