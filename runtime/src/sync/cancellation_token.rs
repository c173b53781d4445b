//! [`CancellationToken`]: a request to end, for all who hold it or a child of it.

mod tree;

use self::tree::Member;
use std::{
    fmt,
    future::{Future, IntoFuture, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use crate::{
    cancel::Cancelled,
    scheduler::worker::Worker,
    task::cancellation::{Cause, Scope, Trigger},
};

/// Asks those who hold it to end what they are doing.
///
/// Clones are the same token. A [`child`](Self::child) is a token of its own: it is cancelled with its parent, but not the
/// parent with it. So a server has a token, each of its connections a child, each request a child of that, and whatever is
/// given up takes along what belongs to it. Once cancelled a token stays so.
///
/// Dropping a token cancels nothing ([`drop_guard`](Self::drop_guard) makes one that does), and a child outlives its parent:
/// then it belongs to its parent's parent. What is dropped leaves nothing behind.
///
/// Whoever holds a token decides what "end" means: it looks at [`is_cancelled`](Self::is_cancelled) now and then, waits for
/// the token [in direct style](Self::wait) or [as a future](Self::cancelled_async), or has its waits end early by
/// [`scope`](Self::scope) and [`scope_async`](Self::scope_async).
///
/// What happened before a `cancel` is visible to whoever sees the token cancelled.
///
/// # Examples
///
/// ```
/// use fibra::{sync::CancellationToken, thread};
/// use std::time::Duration;
///
/// fibra::run(|| {
///     let shutdown = CancellationToken::new();
///     let ticker = thread::spawn({
///         let stop = shutdown.child();
///         move || {
///             let mut ticks = 0;
///             while !stop.wait_timeout(Duration::from_millis(1)) {
///                 ticks += 1;
///             }
///             ticks
///         }
///     });
///     thread::sleep(Duration::from_millis(5));
///     shutdown.cancel();
///     ticker.join().unwrap();
/// });
/// ```
#[derive(Clone)]
pub struct CancellationToken {
    member: Arc<Member>,
}

impl CancellationToken {
    /// A token without a parent.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!fibra::sync::CancellationToken::new().is_cancelled());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self { member: Arc::new(Member::root()) }
    }

    /// A token that is cancelled with this one; at once, if this one is cancelled already.
    ///
    /// # Examples
    ///
    /// ```
    /// let parent = fibra::sync::CancellationToken::new();
    /// let (first, second) = (parent.child(), parent.child());
    /// first.cancel();
    /// assert!(!parent.is_cancelled() && !second.is_cancelled());
    /// parent.cancel();
    /// assert!(second.is_cancelled() && parent.child().is_cancelled());
    /// ```
    #[must_use]
    pub fn child(&self) -> Self {
        Self { member: Arc::new(self.member.child()) }
    }

    /// Cancels this token and all below it. When it returns they are cancelled, and those who wait for them were woken. A second
    /// call changes nothing.
    ///
    /// # Examples
    ///
    /// See [`child`](Self::child).
    pub fn cancel(&self) {
        self.member.cancel();
    }

    /// Whether this token was cancelled, or one above it.
    ///
    /// # Examples
    ///
    /// See [`child`](Self::child).
    #[inline]
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.member.cancelled().has_happened()
    }

    /// Waits until the token is cancelled. A cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let token = fibra::sync::CancellationToken::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| token.cancel());
    ///     token.wait();
    /// });
    /// ```
    pub fn wait(&self) {
        self.member.cancelled().until().wait();
    }

    /// Waits until the token is cancelled, for at most `timeout`; says whether it is: a sleep that the token ends. A
    /// cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// See [`CancellationToken`].
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.member.cancelled().until().wait_timeout(timeout).is_some()
    }

    /// As [`wait`](Self::wait), for `async` code. Dropping the future gives up the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let token = fibra::sync::CancellationToken::new();
    /// let waiting = fibra::future::spawn({
    ///     let token = token.clone();
    ///     async move { token.cancelled_async().await }
    /// });
    /// token.cancel();
    /// fibra::wait(waiting).unwrap();
    /// ```
    pub fn cancelled_async(&self) -> impl Future<Output = ()> + Unpin {
        self.member.cancelled().until()
    }

    /// Runs `body`, and once the token is cancelled, every wait inside of `body` fails until `body` has ended: as in a
    /// [`timeout`](crate::time::timeout) whose time is up, and as in there an operation that returns `io::Result` fails with an
    /// error that wraps [`Cancelled`], a wait without an error to return unwinds, to here.
    ///
    /// Returns `Ok` whenever `body` ends by itself, cancelled or not. Scopes and timeouts nest. Tasks that `body` spawns are not
    /// in its scope.
    ///
    /// On an OS thread that is no worker nothing can end a wait: there `body` just runs.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if this token was cancelled and `body` was unwound for it.
    ///
    /// # Panics
    ///
    /// With what `body` panics with. A cancel of the task, or of another scope, goes on as it would without this one.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::{sync::CancellationToken, thread};
    /// use std::time::Duration;
    ///
    /// fibra::run(|| {
    ///     let token = CancellationToken::new();
    ///     let sleeper = thread::spawn({
    ///         let token = token.clone();
    ///         move || token.scope(|| thread::sleep(Duration::from_secs(3600)))
    ///     });
    ///     token.cancel();
    ///     assert!(sleeper.join().unwrap().is_err());
    ///     assert_eq!(token.scope(|| 7), Ok(7));
    /// });
    /// ```
    pub fn scope<T>(&self, body: impl FnOnce() -> T) -> Result<T, Cancelled> {
        let Some(worker) = Worker::here() else { return Ok(body()) };
        let fiber = worker.home().current();
        let event = self.member.cancelled();
        // In the queue during the scope, with the fiber's waker: whatever the body waits for looks again, and finds the token
        // cancelled. If it is so already, there is nothing to be woken for.
        let mut alarm = event.until();
        let _: Poll<()> = Pin::new(&mut alarm).poll(&mut Context::from_waker(&fiber.borrowed_waker()));
        let scope = Scope::new(Trigger::Token(event.flag()));
        let outcome = catch_unwind(AssertUnwindSafe(|| scope.enter(fiber, body)));
        drop(alarm);
        outcome.or_else(|payload| match payload.downcast::<Cancelled>() {
            Ok(cancelled) if cancelled.is_token() && self.is_cancelled() => Err(*cancelled),
            Ok(cancelled) => resume_unwind(cancelled),
            Err(payload) => resume_unwind(payload),
        })
    }

    /// As [`scope`](Self::scope), for `async` code: once the token is cancelled, `future` is dropped, at its next suspension.
    ///
    /// The future is polled first: one that ends without a wait has ended, cancelled or not. A direct wait inside of its `poll`
    /// is not ended: that is a matter for [`scope`](Self::scope). What the future has spawned goes on.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if this token was cancelled. The future has been dropped by then.
    ///
    /// # Cancellation
    ///
    /// Dropping this future drops `future`.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::{future::spawn, sync::CancellationToken};
    /// use std::future::pending;
    ///
    /// let token = CancellationToken::new();
    /// let waiting = spawn({
    ///     let token = token.child();
    ///     async move { token.scope_async(pending::<()>()).await }
    /// });
    /// token.cancel();
    /// assert!(fibra::wait(waiting).unwrap().unwrap_err().is_token());
    /// assert_eq!(fibra::wait(token.scope_async(async { 7 })), Ok(7));
    /// ```
    pub async fn scope_async<F: IntoFuture>(&self, future: F) -> Result<F::Output, Cancelled> {
        let mut future = pin!(future.into_future());
        let mut cancelled = self.cancelled_async();
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => {
                Pin::new(&mut cancelled).poll(context).map(|()| Err(Cancelled::new(Cause::Token)))
            }
        })
        .await
    }

    /// A guard that cancels the token when it is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// let token = fibra::sync::CancellationToken::new();
    /// {
    ///     let _guard = token.clone().drop_guard();
    /// }
    /// assert!(token.is_cancelled());
    /// ```
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }
}

impl Default for CancellationToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken")
            .field("is_cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// Cancels a token when it is dropped; made by [`CancellationToken::drop_guard`].
///
/// # Examples
///
/// See [`CancellationToken::drop_guard`].
#[derive(Debug)]
#[must_use = "if unused the token is cancelled at once"]
pub struct DropGuard {
    token: Option<CancellationToken>,
}

impl DropGuard {
    /// Gives the token back, and cancels nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// let token = fibra::sync::CancellationToken::new().drop_guard().disarm();
    /// assert!(!token.is_cancelled());
    /// ```
    pub fn disarm(mut self) -> CancellationToken {
        self.token.take().expect("only this takes the token out")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}
