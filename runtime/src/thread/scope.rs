//! Green threads that borrow from the one that waits for them.

use super::{Builder, Result, Thread, handle};
use crate::{
    cancel::Cancelled,
    primitive::unmodelled::{AtomicBool, AtomicUsize, Ordering},
    scheduler::panicking::NeverLeft,
    task::{Task, join::Join},
    time,
    wait::{wait, wait_uncancellable},
};
use atomic_waker::AtomicWaker;
use std::{
    cell::UnsafeCell,
    fmt,
    future::poll_fn,
    io,
    marker::PhantomData,
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Instant,
};

/// Runs `body`, which may spawn green threads that borrow from around it, and waits for all of them, as
/// [`std::thread::scope`] does.
///
/// # Panics
///
/// If `body` panics, that panic goes on when all threads have ended; if a thread that nobody joined has panicked, this does.
///
/// # Cancellation
///
/// When the green thread that waits is cancelled, the scope's threads are cancelled, and waited for all the same. They
/// are under the deadlines of the [`timeout`](crate::time::timeout)s that they are spawned in.
///
/// ```
/// fibra::run(|| {
///     let mut numbers = vec![1, 2, 3, 4];
///     let (left, right) = numbers.split_at_mut(2);
///     fibra::thread::scope(|scope| {
///         scope.spawn(|| left[0] = 10);
///         scope.spawn(|| right[0] = 30);
///     });
///     assert_eq!(numbers, [10, 2, 30, 4]);
/// });
/// ```
pub fn scope<'env, F, T>(body: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope { shared: Arc::new(Shared::new()), scope: PhantomData, env: PhantomData };
    let outcome = catch_unwind(AssertUnwindSafe(|| body(&scope)));
    let waited = scope.shared.wait_for_all();
    match (outcome, waited) {
        (Err(payload), _) | (_, Err(payload)) => resume_unwind(payload),
        (Ok(_), Ok(())) if scope.shared.panicked.load(Ordering::Relaxed) => {
            panic!("a scoped thread panicked")
        }
        (Ok(output), Ok(())) => output,
    }
}

/// Where scoped threads are spawned; see [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    shared: Arc<Shared>,
    /// Invariant, as std's: a longer or shorter `'scope` would let threads borrow what they must not.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a green thread that may borrow what outlives the scope.
    ///
    /// ```
    /// let text = String::from("hello");
    /// let length = fibra::thread::scope(|scope| scope.spawn(|| text.len()).join().unwrap());
    /// assert_eq!(length, 5);
    /// ```
    pub fn spawn<F, T>(&'scope self, closure: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        Builder::new().spawn_scoped(self, closure).expect("the usual stack is a possible one")
    }
}

impl Builder {
    /// Starts a scoped thread; see [`Scope::spawn`].
    ///
    /// # Errors
    ///
    /// As [`Builder::spawn`].
    pub fn spawn_scoped<'scope, F, T>(
        self,
        scope: &'scope Scope<'scope, '_>,
        closure: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let slot = self.into_slot()?;
        let packet = Arc::new(Packet { outcome: UnsafeCell::new(None), shared: Arc::clone(&scope.shared) });
        scope.shared.running.fetch_add(1, Ordering::Relaxed);
        let body =
            ScopedBody { closure, packet: Arc::clone(&packet), member: Member(Arc::clone(&scope.shared)) };
        let deadline = time::deadline_here();
        let body: Box<dyn FnOnce() + Send + 'scope> = Box::new(move || body.run(deadline));
        // SAFETY: only the lifetime changes. `scope` returns, or unwinds, only when every `Member` has been dropped, and
        // `ScopedBody` drops its member last, after everything that may borrow from `'scope`.
        let body: Box<dyn FnOnce() + Send + 'static> = unsafe { mem::transmute(body) };
        let join = handle::spawn_with(body, slot);
        scope.shared.remember(join.task());
        Ok(ScopedJoinHandle { join, packet, scope: PhantomData })
    }
}

/// What a scoped thread runs. If it never runs, its fields are dropped in this order.
struct ScopedBody<F, T> {
    closure: F,
    packet: Arc<Packet<T>>,
    member: Member,
}

impl<F: FnOnce() -> T, T> ScopedBody<F, T> {
    fn run(self, deadline: Option<Instant>) {
        // Locals are dropped in the reverse order of their declaration: the member last, here too.
        let Self { closure, packet, member } = self;
        let member = member;
        let packet = packet;
        let outcome = catch_unwind(AssertUnwindSafe(|| match deadline {
            None => closure(),
            Some(deadline) => time::inherit(deadline, closure),
        }));
        // SAFETY: the handle looks only when the task is complete, which is after this.
        unsafe { *packet.outcome.get() = Some(outcome) };
        drop(packet);
        drop(member);
    }
}

/// Where a scoped thread leaves its result for its handle.
struct Packet<T> {
    outcome: UnsafeCell<Option<Result<T>>>,
    shared: Arc<Shared>,
}

// SAFETY: written once by the thread, taken once by its handle, and the task's completion lies in between.
unsafe impl<T: Send> Sync for Packet<T> {}

impl<T> Drop for Packet<T> {
    fn drop(&mut self) {
        // Nobody has joined the thread: its panic is the scope's. A cancel is no panic.
        if let Some(Err(payload)) = self.outcome.get_mut()
            && !payload.is::<Cancelled>()
        {
            self.shared.panicked.store(true, Ordering::Relaxed);
        }
    }
}

struct Shared {
    /// Members.
    running: AtomicUsize,
    /// A thread that nobody joined has panicked.
    panicked: AtomicBool,
    /// The threads, for a cancel of the owner; `None` once that has come.
    tasks: Mutex<Option<Vec<Task>>>,
    owner: AtomicWaker,
}

impl Shared {
    fn new() -> Self {
        Self {
            running: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            tasks: Mutex::new(Some(Vec::new())),
            owner: AtomicWaker::new(),
        }
    }

    fn remember(&self, task: &Task) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tasks) = &mut *tasks else { return task.cancel() };
        // A scope may spawn for ever: keep about as many as there are running.
        if tasks.len() == tasks.capacity() {
            tasks.retain(|task| !task.header().state.is_complete());
        }
        tasks.push(task.clone());
    }

    /// Waits until no member is left. An error is a cancel's payload, to go on with.
    fn wait_for_all(&self) -> Result<()> {
        let all_ended = || {
            poll_fn(|context| {
                self.owner.register(context.waker());
                if self.running.load(Ordering::Acquire) == 0 { Poll::Ready(()) } else { Poll::Pending }
            })
        };
        catch_unwind(AssertUnwindSafe(|| wait(all_ended()))).inspect_err(|_| {
            let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take();
            let bomb = NeverLeft("a scoped thread");
            tasks.iter().flatten().for_each(Task::cancel);
            wait_uncancellable(all_ended());
            mem::forget(bomb);
        })
    }
}

/// A thread's membership: its drop says that nothing of the thread borrows any more.
struct Member(Arc<Shared>);

impl Drop for Member {
    fn drop(&mut self) {
        // Release: the scope's owner sees all that the thread did.
        if self.0.running.fetch_sub(1, Ordering::Release) == 1 {
            self.0.owner.wake();
        }
    }
}

/// A scoped green thread that can be joined and cancelled. Dropping it leaves the join to the scope's end.
///
/// ```
/// fibra::thread::scope(|scope| {
///     let thread = scope.spawn(|| 6 * 7);
///     assert_eq!(thread.join().unwrap(), 42);
/// });
/// ```
pub struct ScopedJoinHandle<'scope, T> {
    join: Join<()>,
    packet: Arc<Packet<T>>,
    scope: PhantomData<&'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits for the thread to end; see [`JoinHandle::join`](super::JoinHandle::join).
    ///
    /// # Errors
    ///
    /// The payload of the thread's panic, or of its cancel.
    ///
    /// # Cancellation
    ///
    /// As [`JoinHandle::join`](super::JoinHandle::join).
    pub fn join(mut self) -> Result<T> {
        wait(poll_fn(|context| self.poll_join(context)))
    }

    /// The same handle for code that has no name for the scope. It refers to nothing that is in the scope but its result.
    pub(crate) fn unbound(self) -> ScopedJoinHandle<'static, T> {
        ScopedJoinHandle { join: self.join, packet: self.packet, scope: PhantomData }
    }

    /// What [`join`](Self::join) returns, once.
    pub(crate) fn poll_join(&mut self, context: &mut Context<'_>) -> Poll<Result<T>> {
        ready!(self.join.poll(context.waker())).map_err(|failure| failure.into_payload())?;
        // SAFETY: the task is complete, so the thread has written its outcome and gone.
        let outcome = unsafe { (*self.packet.outcome.get()).take() };
        Poll::Ready(outcome.expect("a thread that ran has left its outcome"))
    }

    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.join.is_complete()
    }

    /// Asks the thread to end; see [`JoinHandle::cancel`](super::JoinHandle::cancel).
    pub fn cancel(&self) {
        self.join.task().cancel();
    }

    /// The thread's handle.
    pub fn thread(&self) -> &Thread {
        handle::thread_of(self.join.task())
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("running", &self.shared.running.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").field("thread", self.thread()).finish_non_exhaustive()
    }
}
