//! `concurrent`: many tasks that are waited for together, and two of which the first one counts.
//!
//! **All** (`members`): a root task runs so many members, each of which is woken once while it waits, and collects what they
//! end with; spawned, so that all workers may take part, or polled in place, on the root's own task. Time is counted
//! over [`BATCHES`] batches after one uncounted, and divided by the members.
//!
//! **Race** (`sockets`): two reads, one on a socket that has a byte and one on a socket that never gets any. The silent one
//! comes first, so that it is begun; the other one wins. Time is counted from the first poll to the end of the race:
//! with fibra, that is when the kernel has answered that it has stopped the loser's read. `in_flight` is how many operations are
//! left then, at most. tokio has none in the kernel: its loser is forgotten.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use std::future::Future;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};
use crate::stopwatch::Stopwatch;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "concurrent",
    about: "1,000 members that are waited for together, for each of them; a race of two reads, and what it leaves in flight",
    reference: "tokio",
    cases: &[
        Case::new(&[("members", 1_000), ("workers", 1)]),
        Case::new(&[("members", 1_000), ("workers", 2)]),
        Case::new(&[("sockets", 2), ("workers", 1)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[
        beats("fibra group", "tokio"),
        beats("fibra group", "tokio join_all"),
        beats("fibra group of threads", "tokio"),
        beats("fibra in place", "tokio"),
        beats("fibra in place", "tokio join_all"),
        beats("fibra in place", "join_all in place"),
        nothing_in_flight("fibra race"),
        nothing_in_flight("fibra race of threads"),
    ],
};

const fn beats(subject: &'static str, peer: &'static str) -> Target {
    let (against, limit) = (Against::Subject(peer), Limit::AtMost(1.0));
    Target { subject, metric: "time", applies: is_all, against, limit }
}

const fn nothing_in_flight(subject: &'static str) -> Target {
    let (against, limit) = (Against::Nothing, Limit::AtMost(0.0));
    Target { subject, metric: "in_flight", applies: is_race, against, limit }
}

fn is_all(case: &Case) -> bool {
    case.find("members").is_some()
}

fn is_race(case: &Case) -> bool {
    !is_all(case)
}

/// Batches of members in one sample.
const BATCHES: usize = 200;

/// Races in one sample.
const RACES: usize = 5_000;

/// What a member does: it is woken once, while it is polled.
struct Member {
    index: usize,
    is_woken: bool,
}

impl Member {
    fn new(index: usize) -> Self {
        Self { index, is_woken: false }
    }
}

impl Future for Member {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<usize> {
        if self.is_woken {
            return Poll::Ready(self.index);
        }
        self.is_woken = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What a root task does: each batch runs so many members, and returns the sum of their indices.
async fn measure_all<F: Future<Output = usize>>(
    members: usize,
    batch: impl Fn(usize) -> F,
) -> Vec<Measurement> {
    let sum = members * (members - 1) / 2;
    assert_eq!(batch(members).await, sum);
    let stopwatch = Stopwatch::start();
    for _ in 0..BATCHES {
        assert_eq!(batch(members).await, sum);
    }
    stopwatch.stop().per(members * BATCHES, "member")
}

/// Two sockets, as std's, each with its other end.
struct Sockets {
    silent: (TcpStream, TcpStream),
    lively: (TcpStream, TcpStream),
}

impl Sockets {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let address = listener.local_addr().expect("a bound socket has an address");
        let pair = || {
            let near = TcpStream::connect(address).expect("it listens");
            let (far, _) = listener.accept().expect("somebody has connected");
            far.set_nodelay(true).expect("TCP has this option");
            (near, far)
        };
        Self { silent: pair(), lively: pair() }
    }
}

/// Sends the byte that decides a race.
fn decide(mut lively: &TcpStream) {
    lively.write_all(&[7]).expect("the other end is open");
}
