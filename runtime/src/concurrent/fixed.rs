//! [`ConcurrentFuture`]: so many tasks, known beforehand, and nothing allocated but them.

use super::{
    finished::Finished,
    group::Progress,
    seat::{self, Hall, Seat, SeatOf, Seated},
};
use crate::{future::JoinError, scheduler::share, task::arrivals::Chain, wait::wait};
use std::{
    array, fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// `N` tasks that run concurrently, on all cores, and a future of what they end with.
///
/// It allocates the tasks and nothing else: the list on which they put themselves when they end lies in the first of them. In
/// which order they have ended is [recorded](CompletionOrder).
///
/// Dropped, it cancels the tasks that have not ended, and waits for none.
///
/// # Examples
///
/// ```
/// use fibra::{concurrent::ConcurrentFuture, time::sleep};
/// use std::time::Duration;
///
/// fibra::block_on(async {
///     let mut both = ConcurrentFuture::spawn([40, 2].map(|milliseconds| async move {
///         sleep(Duration::from_millis(milliseconds)).await;
///         milliseconds
///     }));
///     let [slow, quick] = (&mut both).await;
///     assert_eq!((slow.unwrap(), quick.unwrap()), (40, 2));
///     assert_eq!(both.order().as_slice(), [1, 0]);
/// });
/// ```
#[must_use = "dropping it cancels its tasks"]
pub struct ConcurrentFuture<T, const N: usize> {
    /// The first one, which has the list, for as long as this is here.
    first: Option<SeatOf<InFirst>>,
    running: [Option<Seated<T, InFirst>>; N],
    results: [Option<Result<T, JoinError>>; N],
    ended: Chain,
    order: CompletionOrder<N>,
}

/// Where the members find the list.
enum InFirst {
    /// In their own seat: the first one.
    Here(Finished),
    /// In the first one's.
    There(SeatOf<InFirst>),
}

impl Hall for InFirst {
    fn finished(&self) -> &Finished {
        match self {
            Self::Here(finished) => finished,
            // One step: the first one's is there.
            Self::There(first) => first.hall.finished(),
        }
    }
}

/// Results are never pinned in here.
impl<T, const N: usize> Unpin for ConcurrentFuture<T, N> {}

impl<T: Send + 'static, const N: usize> ConcurrentFuture<T, N> {
    /// Spawns futures, on the runtime that we are in, or else on the process-wide default runtime.
    ///
    /// # Examples
    ///
    /// See [`ConcurrentFuture`].
    pub fn spawn<F>(futures: [F; N]) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        Self::spawn_each(futures, |future, seat| seat::spawn(future, None, seat))
    }

    /// Spawns closures as green threads.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::concurrent::ConcurrentFuture;
    ///
    /// let squares = fibra::run(|| ConcurrentFuture::spawn_threads([1, 2, 3].map(|n| move || n * n)).join());
    /// assert_eq!(squares.map(Result::unwrap), [1, 4, 9]);
    /// ```
    pub fn spawn_threads<F>(closures: [F; N]) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
    {
        Self::spawn_each(closures, |closure, seat| seat::spawn_thread(closure, None, seat))
    }

    fn spawn_each<F>(members: [F; N], spawn: impl Fn(F, Seat<InFirst>) -> Seated<T, InFirst>) -> Self {
        let mut first: Option<Seated<T, InFirst>> = None;
        let mut index = 0;
        let mut running = members.map(|member| {
            let hall = match &first {
                None => InFirst::Here(Finished::of(N)),
                Some(first) => InFirst::There(first.seat()),
            };
            let seated = spawn(member, Seat::new(index, index, hall));
            index += 1;
            if first.is_some() {
                return Some(seated);
            }
            first = Some(seated);
            None
        });
        let list = first.as_ref().map(Seated::seat);
        if let Some(place) = running.first_mut() {
            *place = first;
        }
        Self {
            first: list,
            running,
            results: array::from_fn(|_| None),
            ended: Chain::new(),
            order: CompletionOrder::new(),
        }
    }
}

impl<T, const N: usize> ConcurrentFuture<T, N> {
    /// Waits for all, in direct style; the same as awaiting it.
    ///
    /// # Cancellation
    ///
    /// A cancellation point: the tasks are cancelled.
    ///
    /// # Examples
    ///
    /// See [`spawn_threads`](Self::spawn_threads).
    pub fn join(self) -> [Result<T, JoinError>; N] {
        wait(self)
    }

    /// How many there are, and how many of them have ended.
    ///
    /// # Examples
    ///
    /// ```
    /// let tasks = fibra::concurrent::ConcurrentFuture::spawn([std::future::pending::<()>(), std::future::pending()]);
    /// assert_eq!(tasks.progress().to_string(), "0 of 2");
    /// ```
    pub fn progress(&self) -> Progress {
        let Some(first) = &self.first else { return Progress::default() };
        let progress = first.hall.finished().progress();
        // A member counts itself last: its result may have been taken by then.
        Progress { finished: progress.finished.max(self.order.length), ..progress }
    }

    /// In which order they have ended, as far as that was seen: when it is ready, of all.
    ///
    /// # Examples
    ///
    /// See [`ConcurrentFuture`].
    pub fn order(&self) -> CompletionOrder<N> {
        self.order
    }

    /// Asks all that have not ended to end, as [`TaskGroup::cancel`](super::TaskGroup::cancel) does.
    ///
    /// # Examples
    ///
    /// ```
    /// let tasks = fibra::concurrent::ConcurrentFuture::spawn([std::future::pending::<()>()]);
    /// tasks.cancel();
    /// assert!(tasks.join()[0].as_ref().unwrap_err().is_cancelled());
    /// ```
    pub fn cancel(&self) {
        self.running.iter().flatten().for_each(Seated::cancel);
    }

    /// Takes the results of those that have ended.
    fn take_ended(&mut self) {
        while let Some(link) = self.ended.pop() {
            // SAFETY: only seats of our members come here, whose tasks we have, and a link starts its seat.
            let index = unsafe { link.cast::<Seat<InFirst>>().as_ref() }.index;
            let member = self.running[index].take().expect("a member ends once");
            self.results[index] = Some(member.take());
            self.order.push(index);
        }
    }
}

impl<T, const N: usize> Future for ConcurrentFuture<T, N> {
    type Output = [Result<T, JoinError>; N];

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(first) = &this.first {
            let finished = first.hall.finished();
            // Before the look: one that ends after it wakes us.
            finished.register(context.waker());
            this.ended = finished.take();
        }
        this.take_ended();
        if this.order.length < N {
            return Poll::Pending;
        }
        ready!(share::poll_charge(context));
        Poll::Ready(array::from_fn(|index| {
            this.results[index].take().expect("a concurrent future is polled until it is ready")
        }))
    }
}

impl<T, const N: usize> Drop for ConcurrentFuture<T, N> {
    fn drop(&mut self) {
        if let Some(first) = &self.first {
            // From now on no member puts itself on the list: their tasks may be let go of.
            first.hall.finished().close();
        }
        self.cancel();
    }
}

impl<T, const N: usize> fmt::Debug for ConcurrentFuture<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrentFuture")
            .field("progress", &self.progress())
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

/// In which order the members of a [`ConcurrentFuture`] have ended.
///
/// # Examples
///
/// See [`ConcurrentFuture`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CompletionOrder<const N: usize> {
    indices: [usize; N],
    length: usize,
}

impl<const N: usize> CompletionOrder<N> {
    fn new() -> Self {
        Self { indices: [0; N], length: 0 }
    }

    fn push(&mut self, index: usize) {
        self.indices[self.length] = index;
        self.length += 1;
    }

    /// The indices of those that have ended, the first one to end first.
    pub fn as_slice(&self) -> &[usize] {
        &self.indices[..self.length]
    }

    /// As how many-th the member has ended, counted from 0; `None` if it has not.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut tasks = fibra::concurrent::ConcurrentFuture::spawn([std::future::ready(())]);
    /// assert_eq!(tasks.order().rank(0), None, "nobody has looked");
    /// fibra::wait(&mut tasks);
    /// assert_eq!(tasks.order().rank(0), Some(0));
    /// ```
    pub fn rank(&self, index: usize) -> Option<usize> {
        self.as_slice().iter().position(|ended| *ended == index)
    }
}

impl<const N: usize> fmt::Debug for CompletionOrder<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CompletionOrder").field(&self.as_slice()).finish()
    }
}
