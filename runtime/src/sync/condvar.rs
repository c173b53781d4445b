//! [`Condvar`]: std's, for waiters of every kind.

use super::{
    mutex::{Locking, Mutex, MutexGuard},
    wait_queue::{Notice, WaitQueue, Waiting},
};
use crate::{
    scheduler::clock,
    wait::{wait, wait_until},
};
use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{LockResult, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

/// A condition variable: waits, with a [`Mutex`] given back meanwhile, until told that something has changed.
///
/// It has the interface of [`std::sync::Condvar`]. As there, a wait may end without a notification, so test the
/// condition again, or let [`wait_while`](Condvar::wait_while) do it. Notifications reach the waiters in the
/// order in which these began to wait. One condition variable may be used with several mutexes.
///
/// **Cancellation.** The direct waits are cancellation points, `wait_async` is given up by dropping it. Either
/// way no notification is lost: one that had already chosen the waiter goes to the next. A cancelled direct
/// wait takes the mutex again before it unwinds, as in pthreads, and lets go of it on the way out; this does
/// *not* poison the mutex, since a waiter has by then left its data in order for others.
///
/// # Examples
///
/// ```
/// use fibra::sync::{Condvar, Mutex};
///
/// let (ready, changed) = (Mutex::new(false), Condvar::new());
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         *ready.lock().unwrap() = true;
///         changed.notify_one();
///     });
///     let guard = changed.wait_while(ready.lock().unwrap(), |ready| !*ready).unwrap();
///     assert!(*guard);
/// });
/// ```
pub struct Condvar {
    queue: WaitQueue,
}

impl Condvar {
    /// A condition variable that nobody waits on.
    ///
    /// # Examples
    ///
    /// ```
    /// static CHANGED: fibra::sync::Condvar = fibra::sync::Condvar::new();
    /// CHANGED.notify_all();
    /// ```
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self { queue: WaitQueue::new() }
    }

    /// A condition variable that nobody waits on; not `const`, as loom's atomics are not.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self { queue: WaitQueue::new() }
    }

    /// Unlocks the mutex, waits for a notification, locks the mutex again.
    ///
    /// A notification given after the mutex was unlocked is not missed. The wait is a cancellation point.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], with the guard, if the mutex is poisoned when it is locked again.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::{Condvar, Mutex};
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         *ready.lock().unwrap() = true;
    ///         changed.notify_one();
    ///     });
    ///     let mut guard = ready.lock().unwrap();
    ///     while !*guard {
    ///         guard = changed.wait(guard).unwrap();
    ///     }
    /// });
    /// ```
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.wait_direct(guard, None).0
    }

    /// Waits for as long as `condition` says `true` of what the mutex holds.
    ///
    /// Each wait in it is a cancellation point; if `condition` is `false` at once there is none.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], with the guard, if the mutex is poisoned when it is locked again.
    ///
    /// # Examples
    ///
    /// See [`Condvar`].
    pub fn wait_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`wait`](Condvar::wait), for at most `timeout`; never for less unless notified. The wait is a cancellation
    /// point.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], with the guard and the result, if the mutex is poisoned when it is locked again.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let (mutex, changed) = (Mutex::new(()), Condvar::new());
    /// let guard = mutex.lock().unwrap();
    /// let (_guard, result) = changed.wait_timeout(guard, Duration::from_millis(1)).unwrap();
    /// assert!(result.timed_out());
    /// ```
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        // A deadline beyond what the clock can say never comes.
        self.wait_until(guard, clock::now().checked_add(timeout))
    }

    fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let (guard, result) = self.wait_direct(guard, deadline);
        match guard {
            Ok(guard) => Ok((guard, result)),
            Err(poisoned) => Err(PoisonError::new((poisoned.into_inner(), result))),
        }
    }

    /// As [`wait_while`](Condvar::wait_while), for at most `timeout`. Each wait in it is a cancellation point.
    ///
    /// The result says whether `condition` was still `true` when the time was up.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], with the guard and the result, if the mutex is poisoned when it is locked again.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let (queue, filled) = (Mutex::new(vec![1]), Condvar::new());
    /// let guard = queue.lock().unwrap();
    /// let (mut queue, result) =
    ///     filled.wait_timeout_while(guard, Duration::from_secs(1), |queue| queue.is_empty()).unwrap();
    /// assert_eq!((queue.pop(), result.timed_out()), (Some(1), false));
    /// ```
    pub fn wait_timeout_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let deadline = clock::now().checked_add(timeout);
        loop {
            if !condition(&mut guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            if deadline.is_some_and(|deadline| clock::now() >= deadline) {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            guard = self.wait_until(guard, deadline)?.0;
        }
    }

    /// As [`wait`](Condvar::wait), for `async` code: the future is ready once the mutex is locked again.
    ///
    /// The wait begins, and the mutex is unlocked, at the first poll.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], with the guard, if the mutex is poisoned when it is locked again.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up the wait, and the mutex is not locked again. A notification that it had
    /// been given goes to the next waiter.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::{Condvar, Mutex};
    ///
    /// async fn pop(queue: &Mutex<Vec<u32>>, filled: &Condvar) -> u32 {
    ///     let mut queue = queue.lock_async().await.unwrap();
    ///     loop {
    ///         match queue.pop() {
    ///             Some(item) => return item,
    ///             None => queue = filled.wait_async(queue).await.unwrap(),
    ///         }
    ///     }
    /// }
    /// let (queue, filled) = (Mutex::new(vec![]), Condvar::new());
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         queue.lock().unwrap().push(9);
    ///         filled.notify_one();
    ///     });
    ///     assert_eq!(fibra::wait(pop(&queue, &filled)), 9);
    /// });
    /// ```
    pub fn wait_async<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
    ) -> impl Future<Output = LockResult<MutexGuard<'a, T>>> {
        let mutex = guard.mutex();
        WaitAsync { pause: self.pause(guard), mutex, relock: None }
    }

    /// As [`wait_while`](Condvar::wait_while), for `async` code.
    ///
    /// # Errors
    ///
    /// [`PoisonError`], with the guard, if the mutex is poisoned when it is locked again.
    ///
    /// # Cancellation
    ///
    /// As [`wait_async`](Condvar::wait_async).
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::{Condvar, Mutex};
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         *ready.lock().unwrap() = true;
    ///         changed.notify_one();
    ///     });
    ///     let guard = ready.lock().unwrap();
    ///     assert!(*fibra::wait(changed.wait_while_async(guard, |ready| !*ready)).unwrap());
    /// });
    /// ```
    pub async fn wait_while_async<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut guard) {
            guard = self.wait_async(guard).await?;
        }
        Ok(guard)
    }

    /// Sends on the one that has waited longest, if any waits.
    ///
    /// # Examples
    ///
    /// See [`Condvar`].
    pub fn notify_one(&self) {
        self.queue.notify_one();
    }

    /// Sends on everybody who waits now.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::{Condvar, Mutex};
    ///
    /// let (open, changed) = (Mutex::new(false), Condvar::new());
    /// std::thread::scope(|scope| {
    ///     for _ in 0..3 {
    ///         scope.spawn(|| drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap()));
    ///     }
    ///     *open.lock().unwrap() = true;
    ///     changed.notify_all();
    /// });
    /// ```
    pub fn notify_all(&self) {
        self.queue.notify_all();
    }

    fn pause<'c, 'm, T>(&'c self, guard: MutexGuard<'m, T>) -> Pause<'c, 'm, T> {
        Pause { waiting: self.queue.wait(), guard: Some(guard) }
    }

    fn wait_direct<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (LockResult<MutexGuard<'a, T>>, WaitTimeoutResult) {
        let mutex = guard.mutex();
        let mut pause = self.pause(guard);
        // Caught, since the mutex must be locked again before a cancelled wait unwinds any further: a thread
        // that is unwinding must not wait for a lock.
        let outcome = catch_unwind(AssertUnwindSafe(|| match deadline {
            None => Some(wait(&mut pause)),
            Some(deadline) => wait_until(&mut pause, deadline),
        }));
        let Pause { mut waiting, guard } = pause;
        let relock = || guard.map_or_else(|| mutex.lock(), MutexGuard::or_poisoned);
        match outcome {
            Ok(notice) => {
                // A notice that came after the time was up counts as one: nobody else will be told.
                let notice = notice.or_else(|| waiting.leave());
                (relock(), WaitTimeoutResult(notice.is_none()))
            }
            Err(cancelled) => {
                drop(waiting);
                drop(relock());
                resume_unwind(cancelled)
            }
        }
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}

/// Whether a wait with a time limit ended because the time was up.
///
/// # Examples
///
/// See [`Condvar::wait_timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time was up.
    ///
    /// # Examples
    ///
    /// See [`Condvar::wait_timeout`].
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

/// The wait for a notification. It joins the queue before it unlocks the mutex, so that whoever changes the
/// data after that finds it there.
struct Pause<'c, 'm, T> {
    waiting: Waiting<'c>,
    guard: Option<MutexGuard<'m, T>>,
}

impl<T> Future for Pause<'_, '_, T> {
    type Output = Notice;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Notice> {
        let notice = Pin::new(&mut self.waiting).poll(cx);
        drop(self.guard.take());
        notice
    }
}

/// The wait for a notification, and then for the mutex.
struct WaitAsync<'c, 'm, T> {
    pause: Pause<'c, 'm, T>,
    mutex: &'m Mutex<T>,
    relock: Option<(Notice, Locking<'m, T>)>,
}

impl<'m, T> Future for WaitAsync<'_, 'm, T> {
    type Output = LockResult<MutexGuard<'m, T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { pause, mutex, relock } = &mut *self;
        let (_, locking) = match relock {
            Some(relock) => relock,
            None => {
                let notice = ready!(Pin::new(pause).poll(cx));
                relock.insert((notice, mutex.locking()))
            }
        };
        let guard = ready!(Pin::new(locking).poll(cx));
        *relock = None;
        Poll::Ready(guard)
    }
}

impl<T> Drop for WaitAsync<'_, '_, T> {
    fn drop(&mut self) {
        // Told, but dropped before it could look at what has changed: somebody else must.
        if let Some((Notice::One, _)) = &self.relock {
            self.pause.waiting.pass_on();
        }
    }
}
