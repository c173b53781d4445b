//! `file`: random reads of 4 KiB.
//!
//! As many readers as the case is deep, each with one read under way: of a block at random, which must hold what was
//! asked for ([`blocks`]). They are tasks of the runtime; a bare ring has as many reads under way instead. With
//! `direct 0` the file is in the page cache, and no read ever waits for the disk; with `direct 1` it is opened with
//! `O_DIRECT`, and every read does. Files and buffers are what is quickest with each subject: who can have the kernel know
//! them beforehand does (the bare ring and fibra; glommio its buffers). A runtime that is bound to one thread gets a thread
//! for each worker, and the readers are divided among them.

mod blocks;
#[cfg(feature = "peers")]
mod fio;
mod ours;
#[cfg(feature = "peers")]
mod peers;
mod raw;

use crate::bench::Limit::{AtLeast, AtMost};
use crate::bench::{Against, Bench, Case, Limit, Target};

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "file",
    about: "random reads of 4 KiB, so many under way; direct 0: from the page cache, 1: with O_DIRECT",
    reference: "raw io_uring",
    cases: &[
        Case::new(&[("direct", 0), ("depth", 1), ("workers", 1)]),
        Case::new(&[("direct", 0), ("depth", 128), ("workers", 1)]),
        Case::new(&[("direct", 0), ("depth", 128), ("workers", 2)]),
        Case::new(&[("direct", 1), ("depth", 1), ("workers", 1)]).rounds(3),
        Case::new(&[("direct", 1), ("depth", 128), ("workers", 1)]),
        Case::full(&[("direct", 0), ("depth", 4), ("workers", 1)]),
        Case::full(&[("direct", 0), ("depth", 16), ("workers", 1)]),
        Case::full(&[("direct", 0), ("depth", 64), ("workers", 1)]),
        Case::full(&[("direct", 0), ("depth", 256), ("workers", 1)]),
        Case::full(&[("direct", 0), ("depth", 256), ("workers", 2)]),
        Case::full(&[("direct", 1), ("depth", 4), ("workers", 1)]),
        Case::full(&[("direct", 1), ("depth", 16), ("workers", 1)]),
        Case::full(&[("direct", 1), ("depth", 64), ("workers", 1)]),
        Case::full(&[("direct", 1), ("depth", 256), ("workers", 1)]),
        Case::full(&[("direct", 1), ("depth", 128), ("workers", 2)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        raw::SUBJECTS,
        #[cfg(feature = "peers")]
        fio::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[
        target("fibra thread", "iops", one_cached, "plain threads", AtLeast(0.9)),
        target("fibra future", "iops", one_cached, "plain threads", AtLeast(0.9)),
        target("fibra thread", "iops", many_cached, "raw io_uring", AtLeast(0.95)),
        target("fibra future", "iops", many_cached, "raw io_uring", AtLeast(0.95)),
        target("fibra thread", "iops", many_cached_on_two, "plain threads", AtLeast(0.9)),
        target("fibra future", "iops", many_cached_on_two, "plain threads", AtLeast(0.9)),
        target("fibra thread", "iops", many_direct, "fio", AtLeast(1.0)),
        target("fibra future", "iops", many_direct, "fio", AtLeast(1.0)),
        target("fibra thread", "cpu", many_direct, "raw io_uring", AtMost(1.15)),
        target("fibra future", "cpu", many_direct, "raw io_uring", AtMost(1.15)),
    ],
};

const fn target(
    subject: &'static str,
    metric: &'static str,
    applies: fn(&Case) -> bool,
    peer: &'static str,
    limit: Limit,
) -> Target {
    Target { subject, metric, applies, against: Against::Subject(peer), limit }
}

fn is_direct(case: &Case) -> bool {
    case.get("direct") == 1
}

fn is(case: &Case, direct: bool, depth: u64, workers: u64) -> bool {
    is_direct(case) == direct && case.get("depth") == depth && case.get("workers") == workers
}

fn one_cached(case: &Case) -> bool {
    is(case, false, 1, 1)
}

fn many_cached(case: &Case) -> bool {
    is(case, false, 128, 1)
}

fn many_cached_on_two(case: &Case) -> bool {
    is(case, false, 128, 2)
}

fn many_direct(case: &Case) -> bool {
    is(case, true, 128, 1)
}
