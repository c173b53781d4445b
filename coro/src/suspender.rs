//! The inside of a coroutine: what its body holds, and what both sides share.

use crate::unwind;
use crate::{Context, StackBounds, switch};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

/// How often a body may catch the panic that unwinds it and suspend again, before the process is aborted.
const MOST_SWALLOWED_UNWINDS: u32 = 100;

/// What both sides reach.
pub(crate) struct Core {
    /// Where the body rests, while it is suspended.
    pub(crate) inside: Context,
    /// Where the resumer rests, while the body runs.
    pub(crate) outside: Context,
    pub(crate) bounds: StackBounds,
    /// The body has ended: the word of the last switch tells how.
    pub(crate) has_ended: bool,
    /// The coroutine is being dropped: whenever the body suspends, it is unwound instead.
    pub(crate) is_unwinding: bool,
    swallowed_unwinds: u32,
}

impl Core {
    /// A coroutine that hasn't begun and rests at `inside`.
    pub(crate) fn new(inside: Context, bounds: StackBounds) -> Core {
        let outside = Context::null();
        Core { inside, outside, bounds, has_ended: false, is_unwinding: false, swallowed_unwinds: 0 }
    }
}

/// What the resumer hands over.
pub(crate) enum Order<Input> {
    Continue(Input),
    Unwind,
}

/// The body's way back to whoever resumed it.
///
/// It works on the stack of its own coroutine, so it doesn't leave the thread:
///
/// ```compile_fail,E0277
/// fn is_sync<T: Sync>() {}
/// is_sync::<fibra_coro::Suspender<(), ()>>();
/// ```
pub struct Suspender<Input, Yield> {
    core: NonNull<Core>,
    _exchange: PhantomData<fn(Yield) -> Input>,
}

impl<Input, Yield> Suspender<Input, Yield> {
    pub(crate) fn new(core: NonNull<Core>) -> Self {
        Suspender { core, _exchange: PhantomData }
    }

    /// Returns `value` from [`Coroutine::resume`](crate::Coroutine::resume), and returns here with the input of the next `resume`.
    ///
    /// If the coroutine is dropped instead, this unwinds.
    ///
    /// # Panics
    ///
    /// If it is called on another stack than the coroutine's own: from a coroutine inside, that has found its way here
    /// through a thread-local variable.
    ///
    /// # Aborts
    ///
    /// If the coroutine is panicking, that is, in a destructor during unwinding.
    ///
    /// ```
    /// use fibra_coro::{Coroutine, Resumed, Suspender};
    ///
    /// let mut echo = Coroutine::new(|suspender: &Suspender<char, char>, mut next| loop {
    ///     next = suspender.suspend(next);
    /// })?;
    /// assert_eq!(echo.resume('a'), Resumed::<_, ()>::Yielded('a'));
    /// assert_eq!(echo.resume('b'), Resumed::Yielded('b'));
    /// # Ok::<(), fibra_coro::CoroutineError>(())
    /// ```
    pub fn suspend(&self, value: Yield) -> Input {
        let core = self.core.as_ptr();
        unwind::refuse_while_panicking("a coroutine was suspended while it was panicking");
        // SAFETY: the body runs, so only we use the core.
        let bounds = unsafe { (*core).bounds };
        assert!(bounds.contains((&raw const value).addr()), "a coroutine suspends on its own stack");
        // SAFETY: as before.
        unsafe { unwind_again(core) };
        let value = ManuallyDrop::new(value);
        // SAFETY: the resumer rests at `outside`, on this thread, and expects the address of a `Yield`, which it moves
        // out at once. It continues us with the address of an `Order`, which we move out at once.
        let order = unsafe {
            let word = switch(&raw mut (*core).inside, (*core).outside, (&raw const value) as usize);
            ptr::read(ptr::with_exposed_provenance::<Order<Input>>(word))
        };
        match order {
            Order::Continue(input) => input,
            Order::Unwind => unwind::force(),
        }
    }
}

impl<Input, Yield> fmt::Debug for Suspender<Input, Yield> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspender").finish_non_exhaustive()
    }
}

/// If the coroutine is being dropped, the body has caught the panic that was to unwind it: raises it again.
///
/// # Safety
///
/// The body runs, and we are on its stack.
unsafe fn unwind_again(core: *mut Core) {
    // SAFETY: the body runs, so only we use the core.
    let core = unsafe { &mut *core };
    if core.is_unwinding {
        core.swallowed_unwinds += 1;
        if core.swallowed_unwinds == MOST_SWALLOWED_UNWINDS {
            unwind::abort("a coroutine that is being dropped catches its unwinding again and again");
        }
        unwind::force();
    }
}
