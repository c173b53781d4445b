//! How far a set has come.

use super::super::finished::Finished;
use crate::wait::wait;
use std::{fmt, sync::Arc};

/// How many members a set has, and how many of them have ended.
///
/// # Examples
///
/// See [`TaskGroup::progress`](super::TaskGroup::progress).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub struct Progress {
    /// Members that have ended, in whatever way; whether or not their results were taken.
    pub finished: usize,
    /// Members that were spawned.
    pub total: usize,
}

impl Progress {
    /// Whether all have ended that were spawned.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(fibra::concurrent::Progress::default().is_complete());
    /// ```
    pub fn is_complete(&self) -> bool {
        self.finished == self.total
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.finished, self.total)
    }
}

/// Sees how far a group has come, from wherever it is; made by [`TaskGroup::watch_progress`](super::TaskGroup::watch_progress).
///
/// # Examples
///
/// ```
/// use fibra::{concurrent::TaskGroup, thread};
///
/// fibra::run(|| {
///     let mut group = TaskGroup::new();
///     let mut progress = group.watch_progress();
///     let printer = thread::spawn(move || {
///         while let Some(progress) = progress.changed() {
///             println!("{progress}");
///         }
///         progress.get()
///     });
///     for _ in 0..3 {
///         group.spawn(async {});
///     }
///     group.all();
///     drop(group);
///     assert_eq!(printer.join().unwrap().to_string(), "3 of 3");
/// });
/// ```
#[derive(Clone)]
pub struct ProgressWatch {
    finished: Arc<Finished>,
    seen: Progress,
}

impl ProgressWatch {
    pub(in super::super) fn new(finished: Arc<Finished>) -> Self {
        finished.watch();
        Self { finished, seen: Progress::default() }
    }

    /// How far it has come now. It may lag a moment behind the results.
    ///
    /// # Examples
    ///
    /// See [`ProgressWatch`].
    pub fn get(&self) -> Progress {
        self.finished.progress()
    }

    /// Waits until it has come further than this watch knows: further than nothing, the first time. Changes that come at
    /// once are seen as one. `None` when there is nothing more to come: the group was dropped, and its members have ended.
    ///
    /// # Cancellation
    ///
    /// A cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// See [`ProgressWatch`].
    pub fn changed(&mut self) -> Option<Progress> {
        wait(self.changed_async())
    }

    /// The same for `async` code. Dropping the future misses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::new();
    /// group.spawn(async {});
    /// group.all();
    /// let mut progress = group.watch_progress();
    /// assert_eq!(fibra::wait(progress.changed_async()).unwrap().to_string(), "1 of 1");
    /// ```
    pub async fn changed_async(&mut self) -> Option<Progress> {
        loop {
            // Made before the look, so that it hears of what comes after it.
            let change = self.finished.change();
            let (progress, is_final) = self.finished.look();
            if progress != self.seen {
                self.seen = progress;
                return Some(progress);
            }
            if is_final {
                return None;
            }
            change.await;
        }
    }
}

impl fmt::Debug for ProgressWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressWatch").field("progress", &self.get()).finish_non_exhaustive()
    }
}

#[cfg(feature = "stream")]
pub use stream::ProgressStream;

#[cfg(feature = "stream")]
mod stream {
    use super::{Progress, ProgressWatch};
    use std::{
        fmt,
        future::{Future, ready},
        pin::Pin,
        task::{Context, Poll, ready},
    };

    impl ProgressWatch {
        /// What [`changed`](Self::changed) returns, again and again, as a `Stream`. Needs the feature `stream`.
        ///
        /// # Examples
        ///
        /// ```
        /// use fibra::concurrent::TaskGroup;
        /// use futures_util::StreamExt;
        ///
        /// fibra::block_on(async {
        ///     let mut group = TaskGroup::new();
        ///     let progress = group.watch_progress().into_stream();
        ///     for _ in 0..3 {
        ///         group.spawn(async {});
        ///     }
        ///     group.all_async().await;
        ///     drop(group);
        ///     let last = progress.map(|progress| progress.to_string()).collect::<Vec<_>>().await.pop();
        ///     assert_eq!(last.as_deref(), Some("3 of 3"));
        /// });
        /// ```
        pub fn into_stream(self) -> ProgressStream {
            ProgressStream { next: Box::pin(next(self)) }
        }
    }

    /// How far a group has come, as a `Stream`; made by [`ProgressWatch::into_stream`].
    ///
    /// # Examples
    ///
    /// See [`ProgressWatch::into_stream`].
    #[must_use = "streams do nothing unless they are polled"]
    pub struct ProgressStream {
        next: Next,
    }

    /// The wait for the next change, which has the watch meanwhile.
    type Next = Pin<Box<dyn Future<Output = Option<(Progress, ProgressWatch)>> + Send + Sync>>;

    async fn next(mut watch: ProgressWatch) -> Option<(Progress, ProgressWatch)> {
        let progress = watch.changed_async().await?;
        Some((progress, watch))
    }

    impl futures_core::Stream for ProgressStream {
        type Item = Progress;

        fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Progress>> {
            let Some((progress, watch)) = ready!(self.next.as_mut().poll(context)) else {
                self.next = Box::pin(ready(None));
                return Poll::Ready(None);
            };
            self.next = Box::pin(next(watch));
            Poll::Ready(Some(progress))
        }
    }

    impl fmt::Debug for ProgressStream {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("ProgressStream").finish_non_exhaustive()
        }
    }
}
