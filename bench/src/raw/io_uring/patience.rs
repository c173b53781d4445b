//! How a loop waits: with few peers, it looks out for a request that is about to come.
//!
//! To sleep and be woken takes longer than a single peer on another core takes for its next request. With many, a loop
//! rarely sleeps, and one that looked out would take the core from who sends.

use std::io;
use std::time::{Duration, Instant};

use io_uring::{SubmissionQueue, Submitter};

/// How long to look out, after a wait that was shorter.
const SHORT: Duration = Duration::from_micros(50);
/// More connections are many.
const FEW: usize = 4;

/// The waits of one loop.
#[derive(Default)]
pub struct Patience {
    /// The last wait was short.
    is_short: bool,
}

impl Patience {
    /// Submits what is queued, and waits until something is complete.
    pub fn wait(
        &mut self,
        submitter: &Submitter,
        submissions: &mut SubmissionQueue,
        connections: usize,
    ) -> io::Result<()> {
        if connections > FEW {
            return submitter.submit_and_wait(1).map(drop);
        }
        submitter.submit()?;
        let begun = Instant::now();
        while self.is_short && !submissions.taskrun() && begun.elapsed() < SHORT {
            std::hint::spin_loop();
        }
        submitter.submit_and_wait(1)?;
        self.is_short = begun.elapsed() < SHORT;
        Ok(())
    }
}
