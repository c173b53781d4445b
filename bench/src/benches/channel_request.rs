//! `channel-request`: what it costs to ask another task and to get its answer.
//!
//! The usual shape of a task that owns some state: a channel with room for 64 requests, each of which brings a one-shot
//! channel along, for its answer. One task serves, and the root task asks, one request at a time. How often the two
//! were on different threads is `apart`, in percent, as in `channel`.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use super::channel::{Ball, Rally};
use crate::bench::{Bench, Case};

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "channel-request",
    about: "a request over a channel with room for 64, and its answer over a one-shot channel that came with it",
    reference: "tokio",
    cases: &[Case::new(&[("workers", 1)]), Case::new(&[("workers", 2)])],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[],
};

/// Requests that a channel has room for.
const ROOM: usize = 64;

/// A request, and where its answer goes.
struct Request<A> {
    ball: Ball,
    answer: A,
}
