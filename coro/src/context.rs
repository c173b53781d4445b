//! A suspended stack, and the switch to it.

use crate::arch;
use std::ptr;

/// Where a suspended stack continues: the stack pointer that it rests at.
///
/// Everything else that it needs lies on the stack itself. A context is good for one [`switch`]; the next suspension
/// of that stack makes a new one.
///
/// ```
/// use fibra_coro::Context;
///
/// let nowhere = Context::null();
/// assert!(nowhere.is_null());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Context(pub(crate) *mut u8);

impl Context {
    /// No context: a place for [`switch`] to save one into.
    #[inline]
    pub const fn null() -> Context {
        Context(ptr::null_mut())
    }

    /// The stack pointer: the frames of the suspended lie above it, and what the switch has left beside it, on which side
    /// depends on the architecture. Null for [`Context::null`].
    ///
    /// ```
    /// assert!(fibra_coro::Context::null().stack_pointer().is_null());
    /// ```
    #[inline]
    pub const fn stack_pointer(self) -> *const () {
        self.0.cast_const().cast()
    }

    /// Whether this is [`Context::null`].
    #[inline]
    pub const fn is_null(self) -> bool {
        self.0.is_null()
    }
}

/// Suspends the stack we stand on, leaves its context in `*save` and continues the stack that rests at `to`, handing
/// it `word`. Returns when somebody continues the context saved here, with the word that he hands over.
///
/// Floating-point control words (MXCSR and the x87 control word; FPCR on ARM) belong to the stack: whatever the other
/// one does to them, they are the same again afterwards. A new stack begins with the ABI's initial values.
///
/// The compiler saves the registers that are alive at the call, so the cost depends on the caller, and is least in a
/// loop around the call. See `arch.rs` for what lies on a suspended stack.
///
/// # Safety
///
/// - `save` is valid for a write.
/// - `to` was returned by [`Stack::prepare`](crate::Stack::prepare) or written by a `switch` on this thread, and has
///   not been continued since. Its stack is still allocated.
/// - Whoever stands on this stack gives up what may not rest across the switch: no lock or borrow that other stacks of
///   the thread take, no `thread_local` borrow. While it is suspended, the stack stays allocated and on this thread.
/// - The thread isn't [panicking](std::thread::panicking): the count of panics belongs to the thread, and would tell
///   the other stack's destructors that they run because of a panic of theirs.
/// - [`check_support`](crate::check_support) holds.
///
/// ```
/// # use fibra_coro::{Context, StackPool, switch};
/// /// Sends the word back, forever. The first word tells where to.
/// unsafe extern "C" fn echo(outside: usize) -> ! {
///     let mut word = 0;
///     loop {
///         let outside = outside as *mut (Context, Context);
///         // SAFETY: `outside` holds a place for our context and the context of whoever continued us.
///         unsafe {
///             word = switch(&raw mut (*outside).1, (*outside).0, word);
///         }
///     }
/// }
/// let mut pool = StackPool::default();
/// let stack = pool.allocate(0)?;
/// let mut contexts = (Context::null(), Context::null());
/// let contexts = &raw mut contexts;
/// // SAFETY: a fresh stack; its context is continued once per suspension.
/// unsafe {
///     (*contexts).1 = stack.prepare(echo);
///     switch(&raw mut (*contexts).0, (*contexts).1, contexts as usize);
///     assert_eq!(switch(&raw mut (*contexts).0, (*contexts).1, 5), 5);
/// }
/// # pool.release(stack);
/// # Ok::<(), fibra_coro::StackError>(())
/// ```
#[inline(always)]
pub unsafe fn switch(save: *mut Context, to: Context, word: usize) -> usize {
    // SAFETY: the caller's promise is the same.
    unsafe { arch::switch(save, to, word) }
}

/// [`switch`] without control words: all stacks of the thread share one set of them.
///
/// Faster by the time it takes to read them (4 ns on AMD Zen 4, which reads MXCSR slowly), and right if nobody changes
/// them, or everybody wants the change. Each suspension decides for itself: a stack that left by `switch` has its
/// words back however it is continued.
///
/// # Safety
///
/// As for [`switch`]. Furthermore the compiler assumes that control words have their initial values; who lets another
/// stack change them answers for code here that relies on it.
///
/// ```
/// # use fibra_coro::{Context, StackPool, switch_without_control_words};
/// unsafe extern "C" fn entry(contexts: usize) -> ! {
///     let contexts = contexts as *mut (Context, Context);
///     // SAFETY: back to whoever continued us; nobody comes here again.
///     unsafe { switch_without_control_words(&raw mut (*contexts).1, (*contexts).0, 42) };
///     unreachable!("nobody continues us")
/// }
/// let mut pool = StackPool::default();
/// let stack = pool.allocate(0)?;
/// let mut contexts = (Context::null(), Context::null());
/// let contexts = &raw mut contexts;
/// // SAFETY: a fresh stack, continued once.
/// let answer = unsafe {
///     (*contexts).1 = stack.prepare(entry);
///     switch_without_control_words(&raw mut (*contexts).0, (*contexts).1, contexts as usize)
/// };
/// assert_eq!(answer, 42);
/// # pool.release(stack);
/// # Ok::<(), fibra_coro::StackError>(())
/// ```
#[inline(always)]
pub unsafe fn switch_without_control_words(save: *mut Context, to: Context, word: usize) -> usize {
    // SAFETY: the caller's promise is the same.
    unsafe { arch::switch_without_control_words(save, to, word) }
}
