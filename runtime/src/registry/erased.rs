//! Functions behind trait objects: [`Erased`] forgets all types of a function, [`Callable`] only which function it is.
//!
//! A table holds `Erased`s. A typed call asks one for the `Callable` of the types that it wants; only a function of the same types
//! has that ([`Found`]). What is handed over are two words, and in registers: a lookup that moves them about in memory has the
//! processor wait for what it has just written, which takes longer than the lookup.

use super::{
    Miss,
    error::BadValues,
    function::{Arguments, Function},
    keep::Keep,
    signature::Signature,
};
use crate::future::JoinHandle;
use serde_json::Value;
use std::{
    any::TypeId,
    marker::PhantomData,
    mem,
    ops::Deref,
    ptr::{self, NonNull},
    sync::Arc,
};

/// A function of any type.
pub(super) trait Erased: Send + Sync {
    /// What makes its signature: for when it is gone.
    fn describe(&self) -> fn() -> Signature;

    /// `this`, which is a pointer to it, as one to a `dyn Callable`, if that has the type with this number.
    fn find(&self, this: NonNull<()>, wanted: TypeId) -> Found;

    /// How it's spawned with values.
    fn spawn_values(&self) -> Spawn<Vec<Value>, Result<JoinHandle<Value>, BadValues>>;
}

/// Starts a call.
///
/// A function beside it, not one of its own: the call may end, and its last share with it, before this returns.
///
/// # Safety
///
/// The pointer is that of a [`Keep`] of it, which the caller gives up.
type Spawn<A, H> = unsafe fn(NonNull<()>, A) -> H;

/// A function of these types.
pub(super) trait Callable<A, R>: Send + Sync {
    fn call(&self, arguments: A) -> R;

    /// How it's spawned.
    fn spawn(&self) -> Spawn<A, JoinHandle<R>>;
}

impl Keep<dyn Erased> {
    /// Forgets the types of a function.
    pub(super) fn erase<F: Function<K>, K: 'static>(function: F) -> Self {
        let kind = PhantomData::<fn() -> K>;
        if size_of::<F>() == 0 && !mem::needs_drop::<F>() {
            // There's no memory in this box that could leak.
            Keep::for_ever(Box::leak(Box::new(Body { function, size: (), kind })))
        } else {
            Keep::counted(Arc::new(Body { function, size: 0_u8, kind }))
        }
    }

    pub(super) fn signature(&self) -> Signature {
        self.describe()()
    }

    /// The function with its types, if they are these; otherwise why not.
    #[inline]
    pub(super) fn typed<A: Arguments, R: 'static>(self) -> Result<Keep<dyn Callable<A, R>>, Miss> {
        let wanted = TypeId::of::<NonNull<dyn Callable<A, R>>>();
        let found = self.find(self.as_raw().cast(), wanted);
        // SAFETY: it was asked for by the number of this type.
        match unsafe { found.into_pointer() } {
            Some(pointer) => {
                mem::forget(self);
                // SAFETY: it's our own pointer, to the same body behind another trait; we have just forgotten whose share that was.
                Ok(unsafe { Keep::from_raw(pointer) })
            }
            None => Err(Some(self.describe())),
        }
    }

    pub(super) fn spawn_values(self, values: Vec<Value>) -> Result<JoinHandle<Value>, BadValues> {
        let spawn = (*self).spawn_values();
        // SAFETY: it's our pointer, and we give it up.
        unsafe { spawn(self.into_raw().cast(), values) }
    }
}

impl<A, R> Keep<dyn Callable<A, R>> {
    #[inline]
    pub(super) fn spawn(self, arguments: A) -> JoinHandle<R> {
        let spawn = (*self).spawn();
        // SAFETY: it's our pointer, and we give it up.
        unsafe { spawn(self.into_raw().cast(), arguments) }
    }
}

/// A pointer to a trait object whose type was asked for by its number; or nothing, which is two nulls.
///
/// `&mut dyn Any` would do the same in safe code, by way of memory.
pub(super) struct Found(
    *const (),
    #[expect(dead_code, reason = "it goes where the other one goes")] *const (),
);

impl Found {
    #[inline]
    fn new<T: ?Sized + 'static>(pointer: NonNull<T>, wanted: TypeId) -> Self {
        const { assert!(size_of::<NonNull<T>>() == size_of::<Self>(), "a trait object's") }
        if TypeId::of::<NonNull<T>>() != wanted {
            return Self(ptr::null(), ptr::null());
        }
        // SAFETY: two words, whatever they mean, and pointers both of them: none of their bits is lost.
        unsafe { mem::transmute_copy(&pointer) }
    }

    /// # Safety
    ///
    /// It was asked for by the number of this type.
    #[inline]
    unsafe fn into_pointer<T: ?Sized + 'static>(self) -> Option<NonNull<T>> {
        // SAFETY: what isn't null was such a pointer, by contract and since no other type has its number, and is one again.
        (!self.0.is_null()).then(|| unsafe { mem::transmute_copy(&self) })
    }
}

/// What is behind the trait objects.
struct Body<F, K, Size> {
    function: F,
    /// A byte where it's counted, for a function that has no size, but something to drop: see [`Keep`].
    #[expect(dead_code, reason = "it's there to be there")]
    size: Size,
    kind: PhantomData<fn() -> K>,
}

/// A share of a body, as one of its function.
struct Share<F: 'static, K: 'static, Size: 'static>(Keep<Body<F, K, Size>>);

impl<F, K, Size> Share<F, K, Size> {
    /// # Safety
    ///
    /// The pointer is that of a [`Keep`] of such a body, which the caller gives up.
    unsafe fn new(share: NonNull<()>) -> Self {
        // SAFETY: by contract.
        Self(unsafe { Keep::from_raw(share.cast()) })
    }
}

impl<F, K, Size> Deref for Share<F, K, Size> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.0.function
    }
}

impl<F: Function<K>, K: 'static, Size: Send + Sync + 'static> Erased for Body<F, K, Size> {
    fn describe(&self) -> fn() -> Signature {
        || Signature::of::<F::Arguments, F::Output>(F::BY_VALUE)
    }

    fn find(&self, this: NonNull<()>, wanted: TypeId) -> Found {
        let this: NonNull<dyn Callable<F::Arguments, F::Output>> = this.cast::<Self>();
        Found::new(this, wanted)
    }

    fn spawn_values(&self) -> Spawn<Vec<Value>, Result<JoinHandle<Value>, BadValues>> {
        // SAFETY: by contract.
        |share, values| F::spawn_values(unsafe { Share::<F, K, Size>::new(share) }, values)
    }
}

impl<F: Function<K>, K: 'static, Size: Send + Sync + 'static> Callable<F::Arguments, F::Output>
    for Body<F, K, Size>
{
    fn call(&self, arguments: F::Arguments) -> F::Output {
        self.function.call(arguments)
    }

    fn spawn(&self) -> Spawn<F::Arguments, JoinHandle<F::Output>> {
        // SAFETY: by contract.
        |share, arguments| F::spawn(unsafe { Share::<F, K, Size>::new(share) }, arguments, |output| output)
    }
}
