//! The connections that are open: how many there may be, and when the last one is gone.
//!
//! A connection holds a socket and, while it answers, at most one open file. If accepting went on until the process ran
//! out of descriptors, the clients that are already served could open nothing any more. So there are only as many
//! connections as can have a file each; further clients wait in the listener's backlog. (With HTTP/2, one may have more
//! files open; when that uses up what there is, requests are told to try again.)

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Descriptors that the process needs beside connections: standard streams, listener, signals, the served directory,
/// directories being listed; generously.
const OWN_DESCRIPTORS: u64 = 16;
/// Descriptors of one worker of the runtime: its ring or epoll instance, and how it is woken.
const DESCRIPTORS_PER_WORKER: u64 = 4;

/// How many connections fit into `descriptors` when each of them may open a file; at least one.
fn capacity(descriptors: u64, workers: usize) -> usize {
    let own = OWN_DESCRIPTORS + DESCRIPTORS_PER_WORKER * workers as u64;
    usize::try_from(descriptors.saturating_sub(own) / 2).unwrap_or(usize::MAX).max(1)
}

/// How many connections may be open, and what to change if that is too few.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// How many; at least one.
    pub count: usize,
    /// For the user.
    pub origin: &'static str,
}

impl Limit {
    /// As many as the command line allows and the system has descriptors for.
    pub fn new(wanted: Option<usize>, descriptors: u64, workers: usize) -> Limit {
        let capacity = capacity(descriptors, workers);
        match wanted {
            Some(wanted) if wanted <= capacity => Limit { count: wanted, origin: "see --max-connections" },
            _ => Limit { count: capacity, origin: "see ulimit -n" },
        }
    }
}

/// The count of open connections.
#[derive(Clone, Default)]
pub struct Connections(Arc<Mutex<Count>>);

#[derive(Default)]
struct Count {
    open: usize,
    /// Who waits for the count to fall below a number. One at a time: the accepting thread.
    waiting: Option<(usize, Waker)>,
}

impl Connections {
    /// Counts one more connection until the returned seat is dropped.
    pub fn enter(&self) -> Seat {
        self.count().open += 1;
        Seat(self.clone())
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.count().open
    }

    /// Completes when fewer than `limit` are open. Only one such future may wait at a time.
    pub fn fewer_than(&self, limit: usize) -> FewerThan {
        FewerThan { connections: self.clone(), limit }
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place in the count.
#[must_use = "the connection counts for as long as its seat exists"]
pub struct Seat(Connections);

impl Drop for Seat {
    fn drop(&mut self) {
        let woken = {
            let mut count = self.0.count();
            count.open -= 1;
            let open = count.open;
            count.waiting.take_if(|(limit, _)| open < *limit)
        };
        if let Some((_, waker)) = woken {
            waker.wake();
        }
    }
}

/// The future of [`Connections::fewer_than`].
pub struct FewerThan {
    connections: Connections,
    limit: usize,
}

impl Future for FewerThan {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut count = self.connections.count();
        if count.open < self.limit {
            count.waiting = None;
            return Poll::Ready(());
        }
        count.waiting = Some((self.limit, cx.waker().clone()));
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn every_connection_can_have_a_file() {
        for descriptors in [0, 10, 64, 1024, 20_000, u64::MAX] {
            for workers in [1, 2, 64] {
                let connections = capacity(descriptors, workers) as u64;
                assert!(connections == 1 || connections * 2 <= descriptors, "{descriptors} {workers}");
            }
        }
        assert_eq!(capacity(64, 2), 20);
    }

    #[test]
    fn what_is_wanted_counts_if_there_are_descriptors_for_it() {
        assert_eq!(Limit::new(None, 64, 2).count, 20);
        assert_eq!(Limit::new(Some(20), 64, 2).count, 20);
        assert_eq!(Limit::new(Some(21), 64, 2).count, 20);
        assert_eq!(Limit::new(Some(1), 64, 2).count, 1);
        assert!(Limit::new(Some(3), 64, 2).origin.contains("--max-connections"));
        assert!(Limit::new(Some(300), 64, 2).origin.contains("ulimit"));
    }

    #[test]
    fn the_waiting_one_is_woken_when_the_count_falls_below_its_limit_and_not_before() {
        let connections = Connections::default();
        let mut seats: Vec<_> = (0..4).map(|_| connections.enter()).collect();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut fewer = connections.fewer_than(3);
        assert_eq!(Pin::new(&mut fewer).poll(&mut Context::from_waker(&waker)), Poll::Pending);
        seats.pop();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        seats.pop();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert_eq!(Pin::new(&mut fewer).poll(&mut Context::from_waker(&waker)), Poll::Ready(()));
        seats.clear();
        assert_eq!((connections.open(), wakes.0.load(Ordering::Relaxed)), (0, 1));
    }
}
