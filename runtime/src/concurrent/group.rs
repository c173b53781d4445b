//! [`TaskGroup`]: tasks that come and go, and end together.

mod collect;
mod error;
mod progress;
mod spawn;

pub use self::{
    error::{GroupFull, MemberError},
    progress::{Progress, ProgressWatch},
};
#[cfg(feature = "stream")]
pub use progress::ProgressStream;

use super::{
    finished::Finished,
    seat::{Seat, Seated},
};
use crate::{future::JoinError, scheduler::share, sync::Semaphore, task::arrivals::Chain, wait::wait};
use std::{
    fmt,
    future::{Future, poll_fn},
    sync::Arc,
    task::{Context, Poll, ready},
};

/// A member that has ended: its index, and what it has ended with.
pub(super) type Ended<T> = (usize, Result<T, JoinError>);

/// Tasks that belong together: futures and green threads, spawned one after another, whose results come in the order in which
/// they end.
///
/// A member is known by its index: how many were spawned before it. One that panics, or is cancelled, has a [`JoinError`] for
/// a result, and the others don't notice. What a member costs beyond its task is a pointer.
///
/// # Dropping
///
/// Dropping a group cancels its members and waits for none of them: a future may be dropped anywhere, where nothing can wait.
/// [`shutdown`](Self::shutdown) cancels and waits; [`detach`](Self::detach) lets them go on.
///
/// # Examples
///
/// ```
/// use fibra::{concurrent::TaskGroup, thread, time::sleep};
/// use std::time::Duration;
///
/// fibra::run(|| {
///     let mut group = TaskGroup::new();
///     group.spawn(async { sleep(Duration::from_millis(20)).await; "a future" });
///     group.spawn_thread(|| { thread::sleep(Duration::from_millis(1)); "a green thread" });
///     while let Some((index, result)) = group.next() {
///         println!("{} of {}: member {index}, {}", group.progress().finished, 2, result.unwrap());
///     }
/// });
/// ```
///
/// With a limit, and futures that report what they did:
///
/// ```
/// use fibra::concurrent::TaskGroup;
///
/// fibra::block_on(async {
///     let mut group = TaskGroup::with_limit(8);
///     for page in 0..100 {
///         group.spawn_async(async move { page * 2 }).await;
///     }
///     let results = group.all_async().await;
///     assert_eq!(results.len(), 100);
///     assert_eq!(results[7].1.as_ref().unwrap(), &14);
/// });
/// ```
///
/// A group may outlive the function that made it, so its members own what they use; [`all`](super::all()) lets closures borrow:
///
/// ```compile_fail,E0373
/// use fibra::concurrent::TaskGroup;
///
/// let mut group = TaskGroup::new();
/// {
///     let text = String::from("gone too early");
///     group.spawn(async { text.len() });
/// }
/// group.all();
/// ```
#[must_use = "dropping a group cancels its members"]
pub struct TaskGroup<T> {
    finished: Arc<Finished>,
    /// Those that have ended, taken out of the list.
    ended: Chain,
    /// By place; a member leaves when its result does.
    members: Vec<Option<Seated<T, Arc<Finished>>>>,
    /// Places that are empty.
    empty: Vec<usize>,
    spawned: usize,
    limit: Option<Arc<Semaphore>>,
}

impl<T> TaskGroup<T> {
    /// A group without members.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(fibra::concurrent::TaskGroup::<u8>::new().next().is_none());
    /// ```
    pub fn new() -> Self {
        Self {
            finished: Arc::new(Finished::of(0)),
            ended: Chain::new(),
            members: Vec::new(),
            empty: Vec::new(),
            spawned: 0,
            limit: None,
        }
    }

    /// A group of which so many members run at once: [`spawn`](Self::spawn) waits until one has ended. Those that have ended
    /// don't count, whether or not their results were taken.
    ///
    /// # Panics
    ///
    /// If `limit` is 0: nothing could ever run.
    ///
    /// # Examples
    ///
    /// See [`TaskGroup`].
    pub fn with_limit(limit: usize) -> Self {
        assert!(limit > 0, "a group with a limit of 0 could never run anything");
        let mut group = Self::new();
        group.limit = Some(Arc::new(Semaphore::new(limit)));
        group
    }

    /// How many members there are whose result was not taken.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::new();
    /// group.spawn(async {});
    /// assert_eq!(group.len(), 1);
    /// group.next();
    /// assert!(group.is_empty());
    /// ```
    pub fn len(&self) -> usize {
        self.members.len() - self.empty.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits for the next member to end, and takes its result; `None` if there are no members.
    ///
    /// # Cancellation
    ///
    /// A cancellation point while it waits; no result is lost by that.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::new();
    /// let index = group.spawn_thread(|| if true { panic!("oh") });
    /// let (of, result) = group.next().unwrap();
    /// assert_eq!(of, index);
    /// assert!(result.unwrap_err().is_panic());
    /// assert!(group.next().is_none());
    /// ```
    // Not an iterator's: members may be spawned in between, and after the last one.
    #[expect(clippy::should_implement_trait, reason = "a group goes on after `None`")]
    pub fn next(&mut self) -> Option<Ended<T>> {
        share::charge();
        match self.try_next() {
            None if !self.is_empty() => wait(self.next_async()),
            ended => ended,
        }
    }

    /// The same for `async` code.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no result.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::new();
    /// group.spawn(async { 7 });
    /// let (_, seven) = fibra::wait(group.next_async()).unwrap();
    /// assert_eq!(seven.unwrap(), 7);
    /// ```
    pub fn next_async(&mut self) -> impl Future<Output = Option<Ended<T>>> + Unpin {
        poll_fn(|context| self.poll_next(context))
    }

    /// The result of a member that has ended; `None` if there is none now.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::new();
    /// group.spawn(std::future::pending::<()>());
    /// assert!(group.try_next().is_none());
    /// ```
    pub fn try_next(&mut self) -> Option<Ended<T>> {
        if self.ended.is_empty() {
            self.ended = self.finished.take();
        }
        let link = self.ended.pop()?;
        // SAFETY: only seats of our members come here, whose tasks we have, and a link starts its seat.
        let Seat { index, place, .. } = *unsafe { link.cast::<Seat<Arc<Finished>>>().as_ref() };
        let member = self.members[place].take().expect("a member leaves once");
        self.empty.push(place);
        Some((index, member.take()))
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Ended<T>>> {
        if self.is_empty() {
            return Poll::Ready(None);
        }
        if self.ended.is_empty() {
            // Before the look: one that ends after it wakes us.
            self.finished.register(context.waker());
            self.ended = self.finished.take();
            if self.ended.is_empty() {
                return Poll::Pending;
            }
        }
        ready!(share::poll_charge(context));
        Poll::Ready(self.try_next())
    }

    /// Asks all members to end: green threads as [`JoinHandle::cancel`](crate::thread::JoinHandle::cancel) does; futures as
    /// [the module](super#the-end-of-a-future) says. Their results are there to be taken, when they have ended; a member that
    /// ended without one has a `JoinError` that says that it was cancelled. What is spawned afterwards is not cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::new();
    /// group.spawn(std::future::pending::<()>());
    /// group.cancel();
    /// assert!(group.next().unwrap().1.unwrap_err().is_cancelled());
    /// ```
    pub fn cancel(&self) {
        self.members.iter().flatten().for_each(Seated::cancel);
    }

    /// Lets the members go on by themselves, and drops their results.
    ///
    /// # Examples
    ///
    /// ```
    /// fibra::run(|| {
    ///     let (sender, receiver) = fibra::sync::oneshot::channel();
    ///     let mut group = fibra::concurrent::TaskGroup::new();
    ///     group.spawn(async move { sender.send(7) });
    ///     group.detach();
    ///     assert_eq!(receiver.recv(), Ok(7));
    /// });
    /// ```
    pub fn detach(mut self) {
        self.let_go();
        self.members.clear();
    }

    /// From now on no member puts itself on the list: their tasks may be let go of.
    fn let_go(&mut self) {
        self.finished.close();
        self.ended = Chain::new();
    }

    /// How many members were spawned so far, and how many of them have ended.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::new();
    /// group.spawn(async {});
    /// group.spawn(std::future::pending());
    /// group.next();
    /// let progress = group.progress();
    /// assert_eq!((progress.finished, progress.total), (1, 2));
    /// ```
    pub fn progress(&self) -> Progress {
        let progress = self.finished.progress();
        // A member counts itself last: its result may have been taken by then.
        Progress { finished: progress.finished.max(self.spawned - self.len()), ..progress }
    }

    /// The same for somebody else, who can wait for it to change: directly, as a future, or as a stream.
    ///
    /// # Examples
    ///
    /// See [`ProgressWatch`].
    pub fn watch_progress(&self) -> ProgressWatch {
        ProgressWatch::new(Arc::clone(&self.finished))
    }
}

impl<T> Default for TaskGroup<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for TaskGroup<T> {
    fn drop(&mut self) {
        self.let_go();
        self.cancel();
    }
}

impl<T> fmt::Debug for TaskGroup<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("len", &self.len())
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}
