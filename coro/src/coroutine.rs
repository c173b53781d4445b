//! A function that can stop in the middle and be resumed.
//!
//! ```text
//!        resume(input)                    suspend(yielded)
//!  ──▶ ┌───────────┐ ───────────────▶ ┌───────────────────┐
//!      │ Suspended │                  │ Running           │
//!      └───────────┘ ◀─────────────── └───────────────────┘
//!        │ drop: unwind                 │ return, or panic
//!        ▼                              ▼
//!      ┌───────────────────────────────────────────────────┐
//!      │ Ended: the stack goes back to its pool            │
//!      └───────────────────────────────────────────────────┘
//! ```
//!
//! Values travel without being copied to the heap: whoever switches hands over the address of a value on his own
//! stack, where it rests until the other side, which continues at once, has moved it out.

use crate::overflow::{self, Located, Subject, Watch};
use crate::suspender::{Core, Order, Suspender};
use crate::unwind::{self, Ended};
use crate::{CoroutineError, Stack, StackPool, check_support, switch};
use std::fmt;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::panic;
use std::ptr::{self, NonNull};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// The stack size of [`Coroutine::new`], in bytes: that of a thread of the standard library.
const DEFAULT_STACK_SIZE: usize = 2 * 1024 * 1024;

/// What [`Coroutine::resume`] returns.
///
/// ```
/// use fibra_coro::{Coroutine, Resumed};
///
/// let mut coroutine = Coroutine::new(|suspender, first: u32| {
///     let second: u32 = suspender.suspend("more");
///     first + second
/// })?;
/// assert_eq!(coroutine.resume(1), Resumed::Yielded("more"));
/// assert_eq!(coroutine.resume(2), Resumed::Returned(3));
/// # Ok::<(), fibra_coro::CoroutineError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the body may have ended or not"]
pub enum Resumed<Yield, Return> {
    /// The body has suspended itself and can be resumed.
    Yielded(Yield),
    /// The body has returned. The coroutine can't be resumed again.
    Returned(Return),
}

/// A function on a stack of its own, which can [suspend](Suspender::suspend) itself in the middle, however deep in
/// calls, and be [resumed](Coroutine::resume).
///
/// It stays on the thread that made it. Dropping a suspended coroutine unwinds its stack, so that what lives there is
/// dropped.
///
/// ```
/// use fibra_coro::{Coroutine, Resumed, Suspender};
///
/// fn squares(suspender: &Suspender<(), u64>, _: ()) {
///     for number in 1..=3 {
///         suspender.suspend(number * number);
///     }
/// }
///
/// let mut coroutine = Coroutine::new(squares)?;
/// let mut seen = Vec::new();
/// while let Resumed::Yielded(square) = coroutine.resume(()) {
///     seen.push(square);
/// }
/// assert_eq!(seen, [1, 4, 9]);
/// # Ok::<(), fibra_coro::CoroutineError>(())
/// ```
///
/// # It never leaves its thread
///
/// What lies on its stack may be bound to the thread, and so may addresses that the compiler keeps there:
///
/// ```compile_fail,E0277
/// fn is_send<T: Send>(_: T) {}
/// is_send(fibra_coro::Coroutine::new(|_: &fibra_coro::Suspender<(), ()>, ()| ()).unwrap());
/// ```
///
/// ```compile_fail,E0277
/// fn is_sync<T: Sync>(_: T) {}
/// is_sync(fibra_coro::Coroutine::new(|_: &fibra_coro::Suspender<(), ()>, ()| ()).unwrap());
/// ```
///
/// # It borrows nothing
///
/// A coroutine can be forgotten while it is suspended; what its stack has lent out would then never be returned:
///
/// ```compile_fail,E0597
/// let number = 1;
/// let borrowed = &number;
/// let coroutine = fibra_coro::Coroutine::new(move |_: &fibra_coro::Suspender<(), ()>, ()| *borrowed).unwrap();
/// ```
///
/// [`Coroutine::new_borrowing`] allows it, under conditions that the compiler can't check.
///
/// # Overflow
///
/// An overflow of its stack is reported as [`overflow`] says. That takes a signal stack, which the
/// standard library gives to every thread it starts; on a thread of other origin, the process ends by `SIGSEGV` alone,
/// unless [`overflow::watch_thread`] gives it one.
///
/// # Thread-local scopes
///
/// A crate that keeps a pointer into the stack in a thread-local variable for the length of a scope (`scoped-tls` does)
/// relies on scopes being left in the reverse order of entering them. Coroutines that are suspended inside such scopes
/// leave them in any order: don't.
#[must_use = "a coroutine does nothing until it is resumed"]
pub struct Coroutine<Input, Yield, Return> {
    core: SharedCore,
    /// Present until the body has ended.
    stack: Option<Stack>,
    /// Present until the first `resume`.
    body: Option<Body<Input, Yield, Return>>,
    /// Neither `Send` nor `Sync`.
    _not_send: PhantomData<*const ()>,
}

type Body<Input, Yield, Return> = BorrowingBody<'static, Input, Yield, Return>;
type BorrowingBody<'a, Input, Yield, Return> =
    Box<dyn FnOnce(&Suspender<Input, Yield>, Input) -> Return + 'a>;

/// A [`Core`] on the heap, reached through raw pointers only, since both sides hold one.
struct SharedCore(NonNull<Core>);

impl Drop for SharedCore {
    fn drop(&mut self) {
        // SAFETY: it came from a box, and the body, which is the other side, has ended, never begun, or is leaked
        // together with its stack and never continued.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// What the resumer hands over the first time.
struct Start<Input, Yield, Return> {
    core: NonNull<Core>,
    body: Body<Input, Yield, Return>,
    input: Input,
}

/// What comes back.
enum Outcome<Yield, Return> {
    Yielded(Yield),
    Ended(Ended<Return>),
}

impl<Input, Yield, Return> Coroutine<Input, Yield, Return> {
    /// A coroutine with a stack of 2 MiB, of which only what it touches takes memory. It starts suspended: `body` gets
    /// its first input from the first [`resume`](Self::resume).
    ///
    /// # Errors
    ///
    /// If there is no stack to be had, or stacks can't be switched here.
    ///
    /// ```
    /// use fibra_coro::{Coroutine, Resumed, Suspender};
    ///
    /// let mut coroutine = Coroutine::new(|_: &Suspender<u32, ()>, input| input + 1)?;
    /// assert_eq!(coroutine.resume(41), Resumed::Returned(42));
    /// # Ok::<(), fibra_coro::CoroutineError>(())
    /// ```
    pub fn new<F>(body: F) -> Result<Self, CoroutineError>
    where
        F: FnOnce(&Suspender<Input, Yield>, Input) -> Return + 'static,
        Input: 'static,
        Yield: 'static,
        Return: 'static,
    {
        Self::with_stack_size(DEFAULT_STACK_SIZE, body)
    }

    /// The same with a stack of at least `size` bytes.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    ///
    /// ```
    /// use fibra_coro::{Coroutine, Resumed, Suspender};
    ///
    /// let mut coroutine = Coroutine::with_stack_size(64 * 1024, |_: &Suspender<(), ()>, ()| "done")?;
    /// assert_eq!(coroutine.resume(()), Resumed::Returned("done"));
    /// # Ok::<(), fibra_coro::CoroutineError>(())
    /// ```
    pub fn with_stack_size<F>(size: usize, body: F) -> Result<Self, CoroutineError>
    where
        F: FnOnce(&Suspender<Input, Yield>, Input) -> Return + 'static,
        Input: 'static,
        Yield: 'static,
        Return: 'static,
    {
        // SAFETY: nothing here borrows anything.
        unsafe { Self::new_borrowing(size, body) }
    }

    /// The same for a body, and for values, that borrow.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    ///
    /// # Safety
    ///
    /// The coroutine is dropped, not forgotten, while everything that `body` and the values on its stack borrow is
    /// still alive; and it is dropped on this thread. In particular nothing may keep it alive in a cycle or a static.
    ///
    /// ```
    /// use fibra_coro::{Coroutine, Resumed, Suspender};
    ///
    /// let words = vec!["a", "b"];
    /// // SAFETY: the coroutine is declared after `words` and isn't moved, so it is dropped before.
    /// let mut coroutine = unsafe {
    ///     Coroutine::new_borrowing(64 * 1024, |suspender: &Suspender<(), usize>, ()| {
    ///         words.iter().for_each(|word| suspender.suspend(word.len()));
    ///     })
    /// }?;
    /// assert_eq!(coroutine.resume(()), Resumed::Yielded(1));
    /// # Ok::<(), fibra_coro::CoroutineError>(())
    /// ```
    pub unsafe fn new_borrowing<F>(size: usize, body: F) -> Result<Self, CoroutineError>
    where
        F: FnOnce(&Suspender<Input, Yield>, Input) -> Return,
    {
        check_support().map_err(CoroutineError::Unsupported)?;
        overflow::install().map_err(CoroutineError::OverflowHandler)?;
        let stack = pool().allocate(size).map_err(CoroutineError::Stack)?;
        let bounds = stack.bounds();
        // SAFETY: fresh from the pool, or back there since its last user ended; `entry` doesn't unwind.
        let inside = unsafe { stack.prepare(entry::<Input, Yield, Return>) };
        let core = Core::new(inside, bounds);
        let core = SharedCore(NonNull::from(Box::leak(Box::new(core))));
        let body: BorrowingBody<'_, Input, Yield, Return> = Box::new(body);
        // SAFETY: only the lifetime changes; the caller vouches that the body is gone before what it borrows.
        let body = unsafe {
            mem::transmute::<BorrowingBody<'_, Input, Yield, Return>, Body<Input, Yield, Return>>(body)
        };
        Ok(Coroutine { core, stack: Some(stack), body: Some(body), _not_send: PhantomData })
    }

    /// Runs the body until it suspends itself or ends.
    ///
    /// # Panics
    ///
    /// With the body's panic, if it panics; the coroutine has then ended. And if it has ended before.
    ///
    /// # Aborts
    ///
    /// If the thread is panicking, that is, in a destructor during unwinding: the body would run as if it were
    /// panicking itself.
    ///
    /// ```
    /// use fibra_coro::{Coroutine, Resumed, Suspender};
    ///
    /// let mut sum = Coroutine::new(|suspender: &Suspender<u32, u32>, mut number| {
    ///     let mut sum = 0;
    ///     while number != 0 {
    ///         sum += number;
    ///         number = suspender.suspend(sum);
    ///     }
    /// })?;
    /// assert_eq!(sum.resume(20), Resumed::Yielded(20));
    /// assert_eq!(sum.resume(22), Resumed::Yielded(42));
    /// assert_eq!(sum.resume(0), Resumed::Returned(()));
    /// # Ok::<(), fibra_coro::CoroutineError>(())
    /// ```
    pub fn resume(&mut self, input: Input) -> Resumed<Yield, Return> {
        assert!(!self.has_ended(), "a coroutine that has ended can't be resumed");
        unwind::refuse_while_panicking("a coroutine was resumed while its thread was panicking");
        // SAFETY: it hasn't ended. `entry` expects a `Start` the first time, a suspended body an `Order`.
        let outcome = unsafe {
            match self.body.take() {
                Some(body) => self.enter(Start { core: self.core.0, body, input }),
                None => self.enter(Order::Continue(input)),
            }
        };
        match outcome {
            Outcome::Yielded(value) => Resumed::Yielded(value),
            Outcome::Ended(Ended::Returned(value)) => Resumed::Returned(value),
            Outcome::Ended(Ended::Panicked(payload)) => panic::resume_unwind(payload),
            Outcome::Ended(Ended::Unwound) => unreachable!("only a dropped coroutine is unwound"),
        }
    }

    /// Whether the body has returned or panicked, so that it can't be resumed.
    ///
    /// ```
    /// let mut coroutine = fibra_coro::Coroutine::new(|_: &fibra_coro::Suspender<(), ()>, ()| ())?;
    /// assert!(!coroutine.has_ended());
    /// let _ = coroutine.resume(());
    /// assert!(coroutine.has_ended());
    /// # Ok::<(), fibra_coro::CoroutineError>(())
    /// ```
    pub fn has_ended(&self) -> bool {
        self.stack.is_none()
    }

    /// Continues the body, hands it `message`, and waits until it suspends or ends.
    ///
    /// # Safety
    ///
    /// The body hasn't ended, and expects a `Message` where it continues.
    unsafe fn enter<Message>(&mut self, message: Message) -> Outcome<Yield, Return> {
        let core = self.core.0.as_ptr();
        let message = ManuallyDrop::new(message);
        let watch = Watch::new(locate, core.cast_const().cast(), Subject::Coroutine);
        // SAFETY: the watch is unlinked below, before it or the core goes away; nothing in between unwinds. The body
        // rests at `inside`, on this thread, and moves the message out before anything else.
        let word = unsafe {
            watch.link();
            let word = switch(&raw mut (*core).outside, (*core).inside, (&raw const message) as usize);
            watch.unlink();
            word
        };
        // SAFETY: the body is suspended or has ended, so only we use the core. The word is the address of what it
        // hands over, which rests on its stack and is moved out here, once, before the stack is used again.
        unsafe {
            if !(*core).has_ended {
                return Outcome::Yielded(ptr::read(ptr::with_exposed_provenance(word)));
            }
            let ended = ptr::read(ptr::with_exposed_provenance(word));
            pool().release(self.stack.take().expect("the stack stays until the body has ended"));
            Outcome::Ended(ended)
        }
    }

    /// Unwinds a body that is suspended in the middle.
    fn unwind(&mut self) {
        if !unwind::IS_AVAILABLE {
            unwind::abort(
                "a suspended coroutine was dropped, but panic = \"abort\" leaves no way to unwind it",
            );
        }
        // SAFETY: the body is suspended, so only we use the core; it is in `suspend`, which expects an `Order`.
        let outcome = unsafe {
            (*self.core.0.as_ptr()).is_unwinding = true;
            self.enter(Order::<Input>::Unwind)
        };
        match outcome {
            Outcome::Ended(Ended::Panicked(_)) if std::thread::panicking() => {
                unwind::abort("a coroutine that was dropped during a panic panicked itself");
            }
            Outcome::Ended(Ended::Panicked(payload)) => panic::resume_unwind(payload),
            Outcome::Ended(Ended::Returned(_) | Ended::Unwound) => {}
            Outcome::Yielded(_) => unreachable!("while it is unwound, the body doesn't suspend"),
        }
    }
}

impl<Input, Yield, Return> Drop for Coroutine<Input, Yield, Return> {
    /// Unwinds the body if it is suspended in the middle, so that what lives on its stack is dropped. No panic hook
    /// is called. A body that catches the unwinding and suspends again is unwound again; if it goes on like that, the
    /// process is aborted. So it is where there is no unwinding (`panic = "abort"`).
    ///
    /// # Panics
    ///
    /// If the body catches the unwinding and panics instead.
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        if self.body.take().is_none() {
            self.unwind();
        } else if let Some(stack) = self.stack.take() {
            pool().release(stack);
        }
    }
}

impl<Input, Yield, Return> fmt::Debug for Coroutine<Input, Yield, Return> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coroutine").field("stack", &self.stack).finish_non_exhaustive()
    }
}

/// The outermost function of a coroutine's stack.
///
/// # Safety
///
/// Reached by the first `enter`, with the address of a `Start`.
unsafe extern "C" fn entry<Input, Yield, Return>(word: usize) -> ! {
    // SAFETY: `resume` hands over a `Start`, which is ours to move out.
    let start = unsafe { ptr::read(ptr::with_exposed_provenance::<Start<Input, Yield, Return>>(word)) };
    let Start { core, body, input } = start;
    let suspender = Suspender::new(core);
    let ended = ManuallyDrop::new(unwind::catch(|| body(&suspender, input)));
    let core = core.as_ptr();
    // SAFETY: the resumer rests at `outside`, and expects the address of an `Ended`, since we say that we have ended.
    // It moves it out before it gives up the stack, and never continues us.
    unsafe {
        (*core).has_ended = true;
        switch(&raw mut (*core).inside, (*core).outside, (&raw const ended) as usize);
    }
    unwind::abort("a coroutine that has ended was continued")
}

/// Tells the overflow report where a coroutine's stack lies.
///
/// # Safety
///
/// `data` is the coroutine's `Core`.
unsafe fn locate(data: *const ()) -> Option<Located<'static>> {
    // SAFETY: the core lives as long as the watch that leads here, and its bounds never change.
    let bounds = unsafe { (*data.cast::<Core>()).bounds };
    Some(Located { bounds, name: None, advice: "Coroutine::with_stack_size" })
}

/// The stacks of all coroutines. Those of green threads come from their workers' own pools.
fn pool() -> MutexGuard<'static, StackPool> {
    static POOL: LazyLock<Mutex<StackPool>> = LazyLock::new(Mutex::default);
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}
