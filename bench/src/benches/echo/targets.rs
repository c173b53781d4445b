//! What fibra wants to reach on io_uring, and the peers that were the best of each case before this was written down.

use crate::bench::Limit::{self, AtLeast, AtMost};
use crate::bench::{Against, Case, Target};

/// The targets of `echo`.
pub const TARGETS: &[Target] = &[
    rate("fibra thread", is_lone, "Go", AtLeast(1.0)),
    rate("fibra future", is_lone, "Go", AtLeast(1.0)),
    rate("fibra thread", is_lone, "may", AtLeast(1.0)),
    rate("fibra future", is_lone, "may", AtLeast(1.0)),
    rate("fibra thread", is_usual, "tokio current-thread", AtLeast(1.0)),
    rate("fibra future", is_usual, "tokio current-thread", AtLeast(1.0)),
    cpu("fibra thread", is_usual, "tokio current-thread", AtMost(1.0)),
    cpu("fibra future", is_usual, "tokio current-thread", AtMost(1.0)),
    rate("fibra thread", is_usual, "raw io_uring", AtLeast(0.95)),
    rate("fibra future", is_usual, "raw io_uring", AtLeast(0.95)),
    rate("fibra thread", is_usual, "raw epoll", AtLeast(0.95)),
    rate("fibra future", is_usual, "raw epoll", AtLeast(0.95)),
    rate("fibra thread", is_usual, "fibra future", AtLeast(0.87)),
    rate("fibra thread", is_crowded, "raw io_uring", AtLeast(0.95)),
    rate("fibra future", is_crowded, "raw io_uring", AtLeast(0.95)),
    absolute("fibra thread", is_crowded, "p99.9", AtMost(12_000.0)),
    absolute("fibra future", is_crowded, "p99.9", AtMost(12_000.0)),
    rate("fibra thread", is_shared, "tokio", AtLeast(1.0)),
    rate("fibra future", is_shared, "tokio", AtLeast(1.0)),
    cpu("fibra thread", is_shared, "tokio", AtMost(1.0)),
    cpu("fibra future", is_shared, "tokio", AtMost(1.0)),
    rate("fibra thread", is_large, "raw epoll", AtLeast(1.0)),
    rate("fibra future", is_large, "raw epoll", AtLeast(1.0)),
    absolute("fibra thread", is_idle, "resident", AtMost(8_800.0)),
    relative("fibra future", is_idle, "resident", "monoio", AtMost(1.0)),
    relative("fibra thread", is_idle, "p99", "tokio", AtMost(1.0)),
    relative("fibra future", is_idle, "p99", "tokio", AtMost(1.0)),
];

type Applies = fn(&Case) -> bool;

const fn rate(subject: &'static str, applies: Applies, peer: &'static str, limit: Limit) -> Target {
    relative(subject, applies, "rate", peer, limit)
}

const fn cpu(subject: &'static str, applies: Applies, peer: &'static str, limit: Limit) -> Target {
    relative(subject, applies, "cpu", peer, limit)
}

const fn relative(
    subject: &'static str,
    applies: Applies,
    metric: &'static str,
    peer: &'static str,
    limit: Limit,
) -> Target {
    Target { subject, metric, applies, against: Against::Subject(peer), limit }
}

const fn absolute(subject: &'static str, applies: Applies, metric: &'static str, limit: Limit) -> Target {
    Target { subject, metric, applies, against: Against::Nothing, limit }
}

/// Small messages of so many connections, all of them active, to so many workers.
fn is_small(case: &Case, connections: u64, workers: u64) -> bool {
    case.get("bytes") == 64
        && case.get("connections") == connections
        && case.get("workers") == workers
        && case.find("strace").is_none()
        && !is_idle(case)
}

fn is_lone(case: &Case) -> bool {
    is_small(case, 1, 1)
}

fn is_usual(case: &Case) -> bool {
    is_small(case, 64, 1)
}

fn is_crowded(case: &Case) -> bool {
    is_small(case, 1_024, 1)
}

fn is_shared(case: &Case) -> bool {
    is_small(case, 64, 2)
}

fn is_large(case: &Case) -> bool {
    case.get("bytes") == 16_384 && case.get("connections") == 64 && case.get("workers") == 1
}

fn is_idle(case: &Case) -> bool {
    case.find("idle").is_some()
}
