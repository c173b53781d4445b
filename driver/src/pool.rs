//! Operations that a backend hands to the pool of threads, and their way back.
//!
//! A job is either still queued, and then a cancel takes it back at once; or a thread has it, and then the operation ends
//! when the call returns: its memory is in use until then.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::completion::OpKey;
use crate::ledger::cancelled;
use crate::offload::Offload;
use crate::op::Op;
use crate::unpark::Parking;

const QUEUED: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;

/// What the driver and the pool's thread share of one operation.
pub(crate) struct Job(AtomicU8);

impl Job {
    /// Takes the job back. `false`: a thread has it.
    pub(crate) fn withdraw(&self) -> bool {
        self.0.compare_exchange(QUEUED, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn take(&self) -> bool {
        self.0.compare_exchange(QUEUED, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Results on their way from the pool to the driver.
pub(crate) struct Inbox {
    filled: AtomicBool,
    results: Mutex<Vec<(OpKey, io::Result<u32>)>>,
    parking: Arc<Parking>,
}

impl Inbox {
    pub(crate) fn new(parking: Arc<Parking>) -> Inbox {
        Inbox { filled: AtomicBool::new(false), results: Mutex::default(), parking }
    }

    fn report(&self, key: OpKey, result: io::Result<u32>) {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).push((key, result));
        // Release: whoever sees the flag finds the result. The notice comes last, for a driver that looked just before.
        self.filled.store(true, Ordering::Release);
        self.parking.unpark();
    }

    /// Whether there are results: one load.
    #[inline]
    pub(crate) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    /// Moves all results over.
    pub(crate) fn drain_into(&self, results: &mut Vec<(OpKey, io::Result<u32>)>) {
        // Cleared first: what is reported from here on sets it again.
        self.filled.swap(false, Ordering::AcqRel);
        results.append(&mut self.results.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// An operation on its way through the pool. Whatever happens to it there, also that it is dropped unrun, it reports.
struct Errand {
    op: Op,
    key: OpKey,
    job: Arc<Job>,
    inbox: Arc<Inbox>,
    result: Option<io::Result<u32>>,
}

// SAFETY: the pointers in `op` are the reason it is not `Send` by itself. Whoever submitted it has promised that they stay
// valid until the terminal completion, on whatever thread they are used; the record retires only on the report, or by a
// withdrawal after which `run` does not touch `op`.
unsafe impl Send for Errand {}

impl Errand {
    fn run(mut self) {
        if self.job.take() {
            // SAFETY: the pointees are valid until the report, which this thread makes afterwards.
            self.result = Some(unsafe { self.op.perform_blocking(None) });
        }
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        match self.result.take() {
            Some(result) => self.inbox.report(self.key, result),
            // Not run. Withdrawn: the driver knows. Else the pool threw it away, and it must not stay pending forever.
            None if self.job.withdraw() => {
                self.inbox.report(self.key, Err(cancelled()));
            }
            None => {}
        }
    }
}

/// The record's side of a job that is about to be sent.
pub(crate) fn new_job() -> Arc<Job> {
    Arc::new(Job(AtomicU8::new(QUEUED)))
}

/// Sends an operation to the pool. It reports to the inbox in any case.
///
/// # Safety
///
/// What `op` points to is valid until the report, or until the job was withdrawn.
pub(crate) unsafe fn send(offload: &Offload, inbox: &Arc<Inbox>, op: Op, key: OpKey, job: Arc<Job>) {
    let errand = Errand { op, key, job: Arc::clone(&job), inbox: Arc::clone(inbox), result: None };
    if let Err(refusal) = offload.execute(move || errand.run()) {
        // Withdrawn, the errand inside the refusal stays silent when it is dropped, and this is the one report.
        job.withdraw();
        inbox.report(key, Err(refusal.into()));
    }
}
