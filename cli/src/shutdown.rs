//! The end of the service: an event that happens once and that everybody sees.
//!
//! It is begun by the plain thread that waits for signals and seen by the accepting green thread and by every
//! connection's future, so it is a future over a mutex that nobody holds while waiting.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A handle on the event.
#[derive(Clone, Default)]
pub struct Shutdown(Arc<Event>);

#[derive(Default)]
struct Event {
    begun: AtomicBool,
    listeners: Mutex<Listeners>,
}

#[derive(Default)]
struct Listeners {
    next_key: u64,
    wakers: HashMap<u64, Waker>,
}

impl Shutdown {
    /// Begins the shutdown: every [`begun`](Self::begun) completes, those made later too.
    pub fn begin(&self) {
        // Before the wakers are taken: a listener that comes too late to be woken sees the flag under the same lock.
        self.0.begun.store(true, Ordering::Release);
        let wakers = std::mem::take(&mut self.0.listeners().wakers);
        // Outside the lock: a waker may run its task at once, and that task may come back to this event.
        wakers.into_values().for_each(Waker::wake);
    }

    /// Whether the shutdown has begun.
    pub fn has_begun(&self) -> bool {
        self.0.begun.load(Ordering::Acquire)
    }

    /// Completes when the shutdown has begun.
    pub fn begun(&self) -> Begun {
        Begun { shutdown: self.clone(), registered: None }
    }
}

impl Event {
    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The future of [`Shutdown::begun`].
pub struct Begun {
    shutdown: Shutdown,
    /// Our key among the listeners and a copy of the waker there. A connection polls this at each of its wake-ups: as
    /// long as its waker is the same, that costs it one load and not the lock that all connections share.
    registered: Option<(u64, Waker)>,
}

impl Future for Begun {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let same_waker = this.registered.as_ref().is_some_and(|(_, waker)| waker.will_wake(cx.waker()));
        if !same_waker {
            let mut listeners = this.shutdown.0.listeners();
            let key = this.registered.as_ref().map_or(listeners.next_key, |(key, _)| *key);
            listeners.next_key += u64::from(this.registered.is_none());
            listeners.wakers.insert(key, cx.waker().clone());
            this.registered = Some((key, cx.waker().clone()));
        }
        if this.shutdown.has_begun() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some((key, _)) = &self.registered {
            self.shutdown.0.listeners().wakers.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll(begun: &mut Begun, wakes: &Arc<Wakes>) -> Poll<()> {
        Pin::new(begun).poll(&mut Context::from_waker(&Waker::from(Arc::clone(wakes))))
    }

    #[test]
    fn everyone_who_waits_is_woken_once() {
        let shutdown = Shutdown::default();
        let listeners: Vec<_> = (0..3).map(|_| Arc::new(Wakes::default())).collect();
        let mut futures: Vec<_> = listeners.iter().map(|_| shutdown.begun()).collect();
        for (future, wakes) in futures.iter_mut().zip(&listeners) {
            assert_eq!(poll(future, wakes), Poll::Pending);
            assert_eq!(poll(future, wakes), Poll::Pending);
        }
        shutdown.begin();
        for (future, wakes) in futures.iter_mut().zip(&listeners) {
            assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
            assert_eq!(poll(future, wakes), Poll::Ready(()));
        }
    }

    #[test]
    fn who_comes_late_sees_it_too() {
        let shutdown = Shutdown::default();
        shutdown.begin();
        assert_eq!(poll(&mut shutdown.begun(), &Arc::default()), Poll::Ready(()));
    }

    #[test]
    fn the_waker_of_the_last_poll_counts() {
        let shutdown = Shutdown::default();
        let (first, second) = (Arc::new(Wakes::default()), Arc::new(Wakes::default()));
        let mut begun = shutdown.begun();
        assert_eq!(poll(&mut begun, &first), Poll::Pending);
        assert_eq!(poll(&mut begun, &second), Poll::Pending);
        shutdown.begin();
        assert_eq!((first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed)), (0, 1));
    }

    #[test]
    fn who_stops_waiting_leaves_nothing_behind() {
        let shutdown = Shutdown::default();
        let mut begun = shutdown.begun();
        assert_eq!(poll(&mut begun, &Arc::default()), Poll::Pending);
        drop(begun);
        assert!(shutdown.0.listeners().wakers.is_empty());
    }
}
