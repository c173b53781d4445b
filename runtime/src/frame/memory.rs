//! Memory for frames, which stays until they have gone.
//!
//! A pinned future may be pointed to, by the list of a mutex that it waits for, say, until it has been *dropped*. Its memory must not be
//! used for anything else before. That a handle borrows the memory doesn't ensure it: safe code may forget the handle, and the borrow
//! ends. So each [`Memory`] knows who can tell how many frames lie in it:
//!
//! ```text
//!   Slot (pinned)   ┌────────────── bytes ──────────────┬ guests ┐   its destructor runs before the bytes are reused:
//!                   └───────────────────────────────────┴────────┘   that is what pinning means
//!   scope           the caller's bytes; `guests` is a local of `scope`, which the bytes are borrowed until the end of
//!   'static         nobody: they are never used for anything else
//! ```
//!
//! When a slot or a scope ends with a guest in it, that guest was forgotten: nobody is left who could drop it. The process ends then, as
//! there is no other way to keep the promise. A slot that is used again instead refuses.

use super::error::Unfit;
use std::{
    alloc::Layout,
    cell::{Cell, UnsafeCell},
    fmt,
    marker::{PhantomData, PhantomPinned},
    mem::MaybeUninit,
    pin::Pin,
    ptr::NonNull,
};

/// Memory that is used for nothing else until the frames that were placed in it have been dropped, come what may.
///
/// It comes from a pinned [`Slot`], from bytes that are borrowed for the rest of the program, or in a [`scope`].
///
/// ```
/// use fibra::frame::Memory;
/// use std::mem::MaybeUninit;
///
/// let bytes: &'static mut [MaybeUninit<u8>] = Box::leak(Box::new_uninit_slice(256));
/// assert_eq!(Memory::from(bytes).len(), 256);
/// ```
pub struct Memory<'m> {
    bytes: NonNull<[MaybeUninit<u8>]>,
    count: Count,
    borrow: PhantomData<&'m mut [MaybeUninit<u8>]>,
}

// SAFETY: it is the only way to its bytes, and to their count for as long as it, or what occupies it, exists.
unsafe impl Send for Memory<'_> {}
// SAFETY: by a shared reference one learns the address and the length.
unsafe impl Sync for Memory<'_> {}

impl<'m> Memory<'m> {
    /// Takes borrowed bytes on the caller's word.
    ///
    /// # Safety
    ///
    /// Until each frame that is placed in it has been dropped, the bytes must not be used for anything else, nor be freed. That `'m` is
    /// over does not mean that it is so: the handle of a frame may have been forgotten.
    ///
    /// ```
    /// use fibra::frame::{Frame, Memory, Resumed};
    /// use std::mem::MaybeUninit;
    ///
    /// let mut bytes = [MaybeUninit::uninit(); 8];
    /// // SAFETY: the frame is dropped at the end of this block, and the bytes after it.
    /// let memory = unsafe { Memory::new_unchecked(&mut bytes) };
    /// let frame = Frame::new_in(memory, std::future::ready(1_u8)).unwrap();
    /// assert_eq!(frame.resume(), Ok(Resumed::Done));
    /// ```
    pub unsafe fn new_unchecked(bytes: &'m mut [MaybeUninit<u8>]) -> Self {
        Self { bytes: NonNull::from(bytes), count: Count(None), borrow: PhantomData }
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none: enough for frames of futures without state or result.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where it begins.
    #[inline]
    pub(super) fn start(&self) -> NonNull<u8> {
        self.bytes.cast()
    }

    /// For one frame, or for an arena, that needs `layout` at the very beginning.
    #[inline]
    pub(super) fn occupy(self, layout: Layout) -> Result<Occupied<'m>, (Self, Unfit)> {
        if let Err(unfit) = self.check(layout) {
            return Err((self, unfit));
        }
        Ok(Occupied::new(self))
    }

    /// Whether `layout` fits, at the very beginning.
    #[inline]
    pub(super) fn check(&self, layout: Layout) -> Result<(), Unfit> {
        // SAFETY: this borrows the memory.
        if unsafe { self.count.get() } > 0 {
            Err(Unfit::Occupied)
        } else if self.len() < layout.size() {
            Err(Unfit::TooSmall)
        } else if !self.start().addr().get().is_multiple_of(layout.align()) {
            Err(Unfit::Misaligned)
        } else {
            Ok(())
        }
    }

    /// Where its frames are counted.
    #[inline]
    pub(super) fn count(&self) -> Count {
        self.count
    }
}

impl From<&'static mut [MaybeUninit<u8>]> for Memory<'static> {
    fn from(bytes: &'static mut [MaybeUninit<u8>]) -> Self {
        // SAFETY: the only reference to bytes that live for ever goes into what is made here, so nobody gets at them otherwise.
        unsafe { Self::new_unchecked(bytes) }
    }
}

impl<'m, const N: usize> From<Pin<&'m mut Slot<N>>> for Memory<'m> {
    fn from(slot: Pin<&'m mut Slot<N>>) -> Self {
        // SAFETY: nothing is moved out of it.
        let slot = unsafe { slot.get_unchecked_mut() };
        let bytes = NonNull::from(slot.bytes.get_mut() as &mut [_]);
        Self { bytes, count: Count(Some(NonNull::from(&slot.guests))), borrow: PhantomData }
    }
}

impl fmt::Debug for Memory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("start", &self.start()).field("len", &self.len()).finish()
    }
}

/// Memory with a frame in it, until this is dropped.
pub(super) struct Occupied<'m>(Memory<'m>);

impl<'m> Occupied<'m> {
    #[inline]
    fn new(memory: Memory<'m>) -> Self {
        // SAFETY: `memory` borrows it.
        unsafe { memory.count.enter() };
        Self(memory)
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.0.start()
    }

    /// The same memory once more.
    ///
    /// # Safety
    ///
    /// The other one is gone before this is used.
    pub(super) unsafe fn duplicate(&self) -> Memory<'m> {
        Memory { ..self.0 }
    }
}

impl Drop for Occupied<'_> {
    fn drop(&mut self) {
        // SAFETY: this borrows the memory, and has entered it.
        unsafe { self.0.count.leave() };
    }
}

/// Who counts the frames that lie in some memory, if somebody has to.
#[derive(Clone, Copy)]
pub(super) struct Count(Option<NonNull<Guests>>);

impl Count {
    /// How many frames there are.
    ///
    /// # Safety
    ///
    /// The memory is still borrowed from the slot or scope that counts, and only by what the caller belongs to: so the count is there,
    /// and no other thread looks at it.
    #[inline]
    unsafe fn get(self) -> usize {
        // SAFETY: the caller says that it is there.
        self.0.map_or(0, |guests| unsafe { guests.as_ref() }.0.get())
    }

    /// One frame more.
    ///
    /// # Safety
    ///
    /// As for `get`.
    #[inline]
    pub(super) unsafe fn enter(self) {
        if let Some(guests) = self.0 {
            // SAFETY: the caller says that it is there.
            let guests = unsafe { guests.as_ref() };
            guests.0.set(guests.0.get() + 1);
        }
    }

    /// One frame less.
    ///
    /// # Safety
    ///
    /// As for `get`.
    #[inline]
    pub(super) unsafe fn leave(self) {
        if let Some(guests) = self.0 {
            // SAFETY: the caller says that it is there.
            let guests = unsafe { guests.as_ref() };
            guests.0.set(guests.0.get() - 1);
        }
    }
}

/// How many frames lie in some memory. It outlives that memory's use for them, or the process ends.
struct Guests(Cell<usize>);

impl Drop for Guests {
    fn drop(&mut self) {
        if self.0.get() > 0 {
            // Nobody has the handle that would drop it, and those who point to it must find it.
            eprintln!("fibra: memory ends while a frame lies in it, whose handle was forgotten");
            std::process::abort();
        }
    }
}

/// `N` bytes, aligned to 16, for a frame or an [`Arena`](super::Arena) that lives wherever this is pinned.
///
/// If the handle of a frame in it is forgotten, the slot can't be used again; and as its bytes may be pointed to, the process ends
/// when the slot would.
///
/// ```
/// use fibra::frame::{Frame, Resumed, Slot};
/// use std::pin::pin;
///
/// let mut slot = pin!(Slot::<64>::new());
/// for number in 0..3 {
///     let frame = Frame::new_in(slot.as_mut(), async { number }).unwrap();
///     assert_eq!(frame.resume(), Ok(Resumed::Done));
///     assert_eq!(frame.take(), Ok(number));
/// }
/// ```
#[repr(C, align(16))]
pub struct Slot<const N: usize> {
    bytes: UnsafeCell<[MaybeUninit<u8>; N]>,
    guests: Guests,
    pinned: PhantomPinned,
}

impl<const N: usize> Slot<N> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        let bytes = UnsafeCell::new([MaybeUninit::uninit(); N]);
        Self { bytes, guests: Guests(Cell::new(0)), pinned: PhantomPinned }
    }
}

impl<const N: usize> Default for Slot<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Debug for Slot<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("len", &N).finish_non_exhaustive()
    }
}

/// Lends `bytes` to frames while `body` runs.
///
/// The frames have to be dropped by then. If one was forgotten instead, the process ends: the bytes go back to their owner, and may
/// be pointed to.
///
/// # Panics
///
/// If `body` does.
///
/// ```
/// use fibra::frame::{self, Frame, Resumed};
/// use std::mem::MaybeUninit;
///
/// let mut bytes = [MaybeUninit::uninit(); 64];
/// let sum = frame::scope(&mut bytes, |memory| {
///     let frame = Frame::new_in(memory, std::future::ready(1_u8)).unwrap();
///     assert_eq!(frame.resume(), Ok(Resumed::Done));
///     frame.take().unwrap()
/// });
/// assert_eq!(sum, 1);
/// ```
///
/// Frames in an [`Arena`](super::Arena) may borrow what is around the scope. Neither the memory nor a frame gets out:
///
/// ```compile_fail
/// let mut bytes = [std::mem::MaybeUninit::uninit(); 64];
/// let memory = fibra::frame::scope(&mut bytes, |memory| memory);
/// ```
pub fn scope<'env, R>(
    bytes: &'env mut [MaybeUninit<u8>],
    body: impl for<'m> FnOnce(ScopeMemory<'m, 'env>) -> R,
) -> R {
    let guests = Guests(Cell::new(0));
    let count = Count(Some(NonNull::from(&guests)));
    // Whether it returns or unwinds: `guests` is looked at while `bytes` are still borrowed.
    body(ScopeMemory {
        memory: Memory { bytes: NonNull::from(bytes), count, borrow: PhantomData },
        env: PhantomData,
    })
}

/// The memory of a [`scope`], to be placed something in. `'m` is the scope, and `'env` what is around it.
#[derive(Debug)]
pub struct ScopeMemory<'m, 'env: 'm> {
    memory: Memory<'m>,
    /// Tells the compiler that what is around a scope outlives it.
    env: PhantomData<&'m &'env ()>,
}

impl<'m> From<ScopeMemory<'m, '_>> for Memory<'m> {
    fn from(memory: ScopeMemory<'m, '_>) -> Self {
        memory.memory
    }
}
