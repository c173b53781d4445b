//! `channel-request`: what it costs to ask another task and to get its answer.
//!
//! The usual shape of a task that owns some state: a channel with room for 64 requests, each of which brings a one-shot
//! channel along, for its answer. One task serves, and the root task asks, one request at a time. With `limit_s` it
//! waits for each answer with a time limit, so that a timer is started and cancelled in every trip. How often the two
//! tasks were on different threads is `apart`, in percent, as in `channel`.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use std::time::Duration;

use super::channel::{Ball, Rally};
use crate::bench::{Bench, Case};

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "channel-request",
    about: "a request over a channel with room for 64, and its answer over a one-shot channel that came with it",
    reference: "tokio",
    cases: &[
        Case::new(&[("workers", 1)]),
        Case::new(&[("workers", 1), ("limit_s", 30)]),
        Case::full(&[("workers", 2)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[],
};

/// Requests that a channel has room for.
const ROOM: usize = 64;

/// How long whoever asks waits for an answer at most, if the case has a limit.
fn limit(case: &Case) -> Option<Duration> {
    case.find("limit_s").map(Duration::from_secs)
}

/// A request, and where its answer goes.
struct Request<A> {
    ball: Ball,
    answer: A,
}
