//! Functions behind trait objects: [`Erased`] forgets all types of a function, [`Callable`] only which function it is.
//!
//! A table holds `Erased`s. A typed call asks one for a `Callable` of the types that it wants, by handing in an empty `Option` of
//! that type as an `Any`; only a function of the same types can fill it. So types are compared where they are known, and no
//! pointer is cast. What is handed over is a bare reference or `Arc`, two words: a lookup that moves a [`Keep`] about in memory
//! has the processor wait three times for what it has just written, which takes longer than the lookup.
//!
//! Each has its methods twice where it starts a task: the task takes its share of the function along, and that is a counted one or a
//! `'static` reference ([`Keep`]).

use super::{
    error::BadValues,
    function::{Arguments, Function},
    keep::Keep,
    signature::Signature,
};
use crate::future::JoinHandle;
use serde_json::Value;
use std::{any::Any, marker::PhantomData, ops::Deref, sync::Arc};

/// A function of any type.
pub(super) trait Erased: Send + Sync {
    /// What makes its signature: for when it is gone.
    fn describe(&self) -> fn() -> Signature;
    fn fill_for_ever(&'static self, wanted: &mut dyn Any);
    fn fill_counted(self: Arc<Self>, wanted: &mut dyn Any);
    fn spawn_for_ever(&'static self, values: Vec<Value>) -> Result<JoinHandle<Value>, BadValues>;
    fn spawn_counted(self: Arc<Self>, values: Vec<Value>) -> Result<JoinHandle<Value>, BadValues>;
}

/// A function of these types.
pub(super) trait Callable<A, R>: Send + Sync {
    fn call(&self, arguments: A) -> R;
    fn spawn_for_ever(&'static self, arguments: A) -> JoinHandle<R>;
    fn spawn_counted(self: Arc<Self>, arguments: A) -> JoinHandle<R>;
}

impl Keep<dyn Erased> {
    /// Forgets the types of a function.
    pub(super) fn erase<F: Function<K>, K: 'static>(function: F) -> Self {
        match Keep::new(Body { function, kind: PhantomData::<fn() -> K> }) {
            Keep::ForEver(body) => Keep::ForEver(body),
            Keep::Counted(body) => Keep::Counted(body),
        }
    }

    pub(super) fn signature(&self) -> Signature {
        self.describe()()
    }

    /// The function with its types, if they are these; otherwise its signature.
    #[inline]
    pub(super) fn typed<A: Arguments, R: 'static>(self) -> Result<Keep<dyn Callable<A, R>>, Signature> {
        match self {
            Keep::ForEver(body) => {
                let mut wanted: Option<&'static dyn Callable<A, R>> = None;
                body.fill_for_ever(&mut wanted);
                wanted.map(Keep::ForEver).ok_or_else(|| body.describe()())
            }
            Keep::Counted(body) => {
                let mut wanted: Option<Arc<dyn Callable<A, R>>> = None;
                let describe = body.describe();
                body.fill_counted(&mut wanted);
                wanted.map(Keep::Counted).ok_or_else(describe)
            }
        }
    }

    pub(super) fn spawn_values(&self, values: Vec<Value>) -> Result<JoinHandle<Value>, BadValues> {
        match self {
            Keep::ForEver(body) => body.spawn_for_ever(values),
            Keep::Counted(body) => Arc::clone(body).spawn_counted(values),
        }
    }
}

impl<A, R> Keep<dyn Callable<A, R>> {
    #[inline]
    pub(super) fn spawn(self, arguments: A) -> JoinHandle<R> {
        match self {
            Keep::ForEver(body) => body.spawn_for_ever(arguments),
            Keep::Counted(body) => body.spawn_counted(arguments),
        }
    }
}

/// What is behind the trait objects.
struct Body<F, K> {
    function: F,
    kind: PhantomData<fn() -> K>,
}

/// A counted share of a body, as one of its function.
struct Counted<F, K>(Arc<Body<F, K>>);

impl<F, K> Deref for Counted<F, K> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.0.function
    }
}

/// Puts `found` into `wanted`, if that is what is wanted.
#[inline]
fn fill<T: Any>(wanted: &mut dyn Any, found: T) {
    if let Some(wanted) = wanted.downcast_mut::<Option<T>>() {
        *wanted = Some(found);
    }
}

impl<F: Function<K>, K: 'static> Erased for Body<F, K> {
    fn describe(&self) -> fn() -> Signature {
        || Signature::of::<F::Arguments, F::Output>(F::BY_VALUE)
    }

    fn fill_for_ever(&'static self, wanted: &mut dyn Any) {
        fill::<&'static dyn Callable<F::Arguments, F::Output>>(wanted, self);
    }

    fn fill_counted(self: Arc<Self>, wanted: &mut dyn Any) {
        fill::<Arc<dyn Callable<F::Arguments, F::Output>>>(wanted, self);
    }

    fn spawn_for_ever(&'static self, values: Vec<Value>) -> Result<JoinHandle<Value>, BadValues> {
        F::spawn_values(&self.function, values)
    }

    fn spawn_counted(self: Arc<Self>, values: Vec<Value>) -> Result<JoinHandle<Value>, BadValues> {
        F::spawn_values(Counted(self), values)
    }
}

impl<F: Function<K>, K: 'static> Callable<F::Arguments, F::Output> for Body<F, K> {
    fn call(&self, arguments: F::Arguments) -> F::Output {
        self.function.call(arguments)
    }

    fn spawn_for_ever(&'static self, arguments: F::Arguments) -> JoinHandle<F::Output> {
        F::spawn(&self.function, arguments, |output| output)
    }

    fn spawn_counted(self: Arc<Self>, arguments: F::Arguments) -> JoinHandle<F::Output> {
        F::spawn(Counted(self), arguments, |output| output)
    }
}
