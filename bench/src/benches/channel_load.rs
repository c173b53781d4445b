//! `channel-load`: what a message costs where many send and nobody waits for an answer.
//!
//! Eight tasks send. Either one task receives it all, or eight do, each over a channel of its own: then every sender
//! sends to each of them in turn, as in a mesh of actors. So the channels need many senders and one receiver, which
//! all the peers have. Time is counted from the first spawn to the last join, and divided by the number of messages.
//! Cases without `bound` have channels without one: nothing but the scheduler keeps senders from running ahead.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use crate::bench::{Bench, Case, Measurement};
use crate::stopwatch::Stopwatch;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "channel-load",
    about: "a message from one of so many senders to one of so many receivers, each of which has its own channel",
    reference: "tokio",
    cases: &[
        Case::new(&[("senders", 8), ("receivers", 1), ("bound", 64), ("workers", 1)]),
        Case::new(&[("senders", 8), ("receivers", 1), ("workers", 1)]),
        Case::new(&[("senders", 8), ("receivers", 8), ("bound", 64), ("workers", 1)]),
        Case::full(&[("senders", 8), ("receivers", 8), ("workers", 1)]),
        Case::new(&[("senders", 8), ("receivers", 1), ("bound", 64), ("workers", 2)]),
        Case::full(&[("senders", 8), ("receivers", 1), ("workers", 2)]),
        Case::new(&[("senders", 8), ("receivers", 8), ("bound", 64), ("workers", 2)]),
        Case::full(&[("senders", 8), ("receivers", 8), ("workers", 2)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[],
};

/// How many messages a channel has room for, if that is limited.
fn bound(case: &Case) -> Option<usize> {
    case.find("bound").map(|bound| bound as usize)
}

/// Who sends how much to whom.
#[derive(Clone, Copy)]
struct Load {
    senders: usize,
    receivers: usize,
    /// What each sender sends to each receiver.
    messages: usize,
}

/// Messages of all senders to all receivers.
const MESSAGES: usize = 800_000;

impl Load {
    fn new(case: &Case) -> Self {
        let (senders, receivers) = (case.count("senders"), case.count("receivers"));
        Self { senders, receivers, messages: MESSAGES / senders / receivers }
    }

    /// Opens a channel for each receiver, and has `spawn` start every sender, with a sending end of each channel.
    fn open<S: Clone, R>(self, channel: impl Fn() -> (S, R), spawn: impl Fn(Vec<S>)) -> Vec<R> {
        let (senders, receivers): (Vec<S>, Vec<R>) = (0..self.receivers).map(|_| channel()).unzip();
        for _ in 0..self.senders {
            spawn(senders.clone());
        }
        receivers
    }

    /// What each receiver gets.
    fn received_each(self) -> usize {
        self.senders * self.messages
    }

    /// What was measured, once every message has arrived: `received` says how many each receiver got.
    fn measurements(self, since: Stopwatch, received: Vec<usize>) -> Vec<Measurement> {
        let span = since.stop();
        assert_eq!(received, vec![self.received_each(); self.receivers], "no message is lost");
        span.per(self.received_each() * self.receivers, "message")
    }
}
