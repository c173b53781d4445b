//! What can be registered: functions and closures of up to eight arguments, plain ones and async ones.
//!
//! A trait for "`Fn(A, B) -> R`" and one for "`Fn(A, B) -> impl Future`" overlap, as the compiler sees it. So the traits here have
//! a parameter that says which of the two a function is, and with what types: [`Plain<fn(A, B) -> R>`](Plain) or
//! [`Asynchronous<fn(A, B) -> F>`](Asynchronous). The compiler finds it by itself: a future is no result that
//! could be serialised.

use super::error::BadValues;
use crate::{future, thread, wait::wait};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{any::type_name, future::Future, marker::PhantomData, ops::Deref};

/// Marks functions that run as green threads; `S` is the function's type. See [`Function`].
#[derive(Debug)]
pub struct Plain<S>(PhantomData<S>);

/// Marks functions that return futures; `S` is the function's type. See [`Function`].
#[derive(Debug)]
pub struct Asynchronous<S>(PhantomData<S>);

/// Marks functions that are called by typed calls only, and are otherwise of kind `K`. See [`typed`].
#[derive(Debug)]
pub struct TypedOnly<K>(PhantomData<K>);

/// A function that a [`Registry`](super::Registry) takes.
///
/// These are functions and closures of up to eight arguments, whose arguments implement [`serde::Deserialize`] and whose results
/// implement [`serde::Serialize`]; async functions, and others that return a future, whose output does; and what [`typed`] and
/// [`typed_async`] make of functions with other types. Arguments, results and futures are `Send` and borrow nothing, since a call
/// is a task of its own. The parameter `Kind` is found by the compiler.
///
/// ```
/// use fibra::registry::{Registry, typed};
///
/// fn add(a: u64, b: u64) -> u64 {
///     a + b
/// }
/// async fn later(text: String) -> String {
///     fibra::future::yield_now().await;
///     text
/// }
///
/// let registry = Registry::new();
/// let offset = 3;
/// registry.register("add", add)?;
/// registry.register("later", later)?;
/// registry.register("add three", move |n: u64| n + offset)?;
/// registry.register("elapsed", typed(|since: std::time::Instant| since.elapsed()))?;
/// # Ok::<(), fibra::registry::DuplicateName>(())
/// ```
///
/// What borrows can't be registered: its caller may be gone before it runs.
///
/// ```compile_fail
/// fibra::registry::Registry::new().register("length", |text: &str| text.len());
/// ```
///
/// Nor can what would bring something to another thread that must not go there:
///
/// ```compile_fail,E0277
/// let here = std::rc::Rc::new(1);
/// fibra::registry::Registry::new().register("here", move || *here);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be registered as it is",
    label = "no function of up to 8 arguments that implement `DeserializeOwned`, with a result that implements `Serialize`",
    note = "arguments and results must be `Send` and borrow nothing; the function itself must be `Send`, `Sync` and `'static`",
    note = "for types that serde doesn't know there are `registry::typed` and `registry::typed_async`: such functions \
            can be called by typed calls, not with JSON values"
)]
pub trait Function<Kind>: Invoke<Kind> {
    /// Whether there are calls with values.
    #[doc(hidden)]
    const BY_VALUE: bool;

    /// Starts a call with values.
    #[doc(hidden)]
    fn spawn_values<H>(function: H, values: Vec<Value>) -> Result<future::JoinHandle<Value>, BadValues>
    where
        H: Deref<Target = Self> + Send + 'static;
}

/// What all functions have in common, whether serde knows their types or not.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be registered",
    label = "no function of up to 8 arguments",
    note = "arguments and results must be `Send` and borrow nothing; the function itself must be `Send`, `Sync` and `'static`"
)]
pub trait Invoke<Kind>: Send + Sync + 'static {
    type Arguments: Arguments;
    type Output: Send + 'static;

    /// Runs it here, and waits for it.
    fn call(&self, arguments: Self::Arguments) -> Self::Output;

    /// Runs it as a task, of which `function` is kept until its end. What it returns goes through `map` first.
    fn spawn<H, T>(
        function: H,
        arguments: Self::Arguments,
        map: impl FnOnce(Self::Output) -> T + Send + 'static,
    ) -> future::JoinHandle<T>
    where
        H: Deref<Target = Self> + Send + 'static,
        T: Send + 'static;
}

/// A tuple of arguments, of up to eight.
///
/// ```
/// fn count<A: fibra::registry::Arguments>(_: &A) -> usize {
///     A::type_names().len()
/// }
/// assert_eq!(count(&(1, "two", [3.0])), 3);
/// ```
pub trait Arguments: Send + 'static {
    /// The types' names, in order.
    fn type_names() -> Vec<&'static str>;
}

/// Arguments that values can be turned into.
trait Read: Sized {
    fn read(values: Vec<Value>) -> Result<Self, BadValues>;
}

/// A type `fn(A, B) -> R`, by which the signature of a registered function is named. For an async function, `R` is what its
/// future returns.
///
/// ```
/// use fibra::registry::{FnType, Registry};
///
/// fn call<S: FnType>(name: &str, arguments: S::Arguments) -> S::Output {
///     Registry::global().get::<S>(name).expect("it is registered").call(arguments)
/// }
///
/// Registry::global().register("double", |n: i32| n * 2)?;
/// assert_eq!(call::<fn(i32) -> i32>("double", (4,)), 8);
/// # Ok::<(), fibra::registry::DuplicateName>(())
/// ```
pub trait FnType: 'static {
    /// The arguments, as a tuple.
    type Arguments: Arguments;
    /// What is returned in the end.
    type Output: Send + 'static;
}

/// A function whose types serde doesn't know: it takes part in typed calls, and not in those with JSON values.
///
/// ```
/// use fibra::registry::{Registry, typed};
/// use std::{sync::mpsc, thread::ThreadId};
///
/// fn who_runs() -> ThreadId {
///     std::thread::current().id()
/// }
///
/// let registry = Registry::new();
/// registry.register("who", typed(who_runs))?;
/// let handle = registry.call::<ThreadId>("who", ())?;
/// fibra::wait(handle)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn typed<F, S>(function: F) -> Typed<F, Plain<S>>
where
    F: Invoke<Plain<S>>,
{
    Typed { function, kind: PhantomData }
}

/// The same for a function that returns a future.
///
/// # Cancellation
///
/// A call that is cancelled drops the function's future where it waits.
///
/// ```
/// use fibra::{net::{TcpListener, TcpStream}, registry::{Registry, typed_async}};
///
/// let registry = Registry::new();
/// registry.register("accept", typed_async(async |listener: TcpListener| {
///     listener.accept_async().await.map(|(stream, _)| stream)
/// }))?;
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let _client = std::net::TcpStream::connect(listener.local_addr()?)?;
/// let stream = fibra::wait(registry.call::<std::io::Result<TcpStream>>("accept", (listener,))?)??;
/// # drop(stream);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn typed_async<F, S>(function: F) -> Typed<F, Asynchronous<S>>
where
    F: Invoke<Asynchronous<S>>,
{
    Typed { function, kind: PhantomData }
}

/// See [`typed`].
#[derive(Debug)]
pub struct Typed<F, K> {
    function: F,
    kind: PhantomData<fn() -> K>,
}

/// A share of a [`Typed`], as one of the function in it.
struct Inner<H>(H);

impl<H, F, K: 'static> Deref for Inner<H>
where
    H: Deref<Target = Typed<F, K>>,
{
    type Target = F;

    fn deref(&self) -> &F {
        &self.0.function
    }
}

impl<F: Invoke<K>, K: 'static> Invoke<TypedOnly<K>> for Typed<F, K> {
    type Arguments = F::Arguments;
    type Output = F::Output;

    fn call(&self, arguments: F::Arguments) -> F::Output {
        self.function.call(arguments)
    }

    fn spawn<H, T>(
        function: H,
        arguments: F::Arguments,
        map: impl FnOnce(F::Output) -> T + Send + 'static,
    ) -> future::JoinHandle<T>
    where
        H: Deref<Target = Self> + Send + 'static,
        T: Send + 'static,
    {
        F::spawn(Inner(function), arguments, map)
    }
}

impl<F: Invoke<K>, K: 'static> Function<TypedOnly<K>> for Typed<F, K> {
    const BY_VALUE: bool = false;

    fn spawn_values<H>(_: H, _: Vec<Value>) -> Result<future::JoinHandle<Value>, BadValues>
    where
        H: Deref<Target = Self> + Send + 'static,
    {
        Err(BadValues::TypedOnly)
    }
}

/// One argument. `values` has as many as there are arguments.
fn read_next<T: DeserializeOwned>(values: &mut impl Iterator<Item = (usize, Value)>) -> Result<T, BadValues> {
    let (index, value) = values.next().expect("their number was compared");
    serde_json::from_value(value).map_err(|source| BadValues::Argument { index, source })
}

/// What a call with values returns. A result that is no value is a fault of the function, and ends the call as a panic does.
fn write<T: Serialize>(output: T) -> Value {
    serde_json::to_value(output)
        .unwrap_or_else(|error| panic!("a result of type {} is no JSON value: {error}", type_name::<T>()))
}

macro_rules! functions_of {
    ($count:literal: $($A:ident $a:ident)*) => {
        impl<$($A,)* R> FnType for fn($($A),*) -> R
        where
            $($A: Send + 'static,)*
            R: Send + 'static,
        {
            type Arguments = ($($A,)*);
            type Output = R;
        }

        impl<$($A),*> Arguments for ($($A,)*)
        where
            $($A: Send + 'static,)*
        {
            fn type_names() -> Vec<&'static str> {
                vec![$(type_name::<$A>()),*]
            }
        }

        impl<$($A),*> Read for ($($A,)*)
        where
            $($A: DeserializeOwned,)*
        {
            fn read(values: Vec<Value>) -> Result<Self, BadValues> {
                if values.len() != $count {
                    return Err(BadValues::Count(values.len()));
                }
                let mut _values = values.into_iter().enumerate();
                Ok(($(read_next::<$A>(&mut _values)?,)*))
            }
        }

        impl<F, $($A,)* R> Invoke<Plain<fn($($A),*) -> R>> for F
        where
            F: Fn($($A),*) -> R + Send + Sync + 'static,
            $($A: Send + 'static,)*
            R: Send + 'static,
        {
            type Arguments = ($($A,)*);
            type Output = R;

            #[inline]
            fn call(&self, ($($a,)*): Self::Arguments) -> R {
                self($($a),*)
            }

            #[inline]
            fn spawn<H, T>(
                function: H,
                ($($a,)*): Self::Arguments,
                map: impl FnOnce(R) -> T + Send + 'static,
            ) -> future::JoinHandle<T>
            where
                H: Deref<Target = Self> + Send + 'static,
                T: Send + 'static,
            {
                thread::spawn_as_task(move || map((*function)($($a),*)))
            }
        }

        impl<F, $($A,)* R> Function<Plain<fn($($A),*) -> R>> for F
        where
            F: Fn($($A),*) -> R + Send + Sync + 'static,
            $($A: DeserializeOwned + Send + 'static,)*
            R: Serialize + Send + 'static,
        {
            const BY_VALUE: bool = true;

            fn spawn_values<H>(function: H, values: Vec<Value>) -> Result<future::JoinHandle<Value>, BadValues>
            where
                H: Deref<Target = Self> + Send + 'static,
            {
                let arguments = Read::read(values)?;
                Ok(<F as Invoke<Plain<fn($($A),*) -> R>>>::spawn(function, arguments, write))
            }
        }

        impl<F, $($A,)* R> Invoke<Asynchronous<fn($($A),*) -> R>> for F
        where
            F: Fn($($A),*) -> R + Send + Sync + 'static,
            $($A: Send + 'static,)*
            R: Future<Output: Send + 'static> + Send + 'static,
        {
            type Arguments = ($($A,)*);
            type Output = R::Output;

            #[inline]
            fn call(&self, ($($a,)*): Self::Arguments) -> R::Output {
                wait(self($($a),*))
            }

            #[inline]
            fn spawn<H, T>(
                function: H,
                ($($a,)*): Self::Arguments,
                map: impl FnOnce(R::Output) -> T + Send + 'static,
            ) -> future::JoinHandle<T>
            where
                H: Deref<Target = Self> + Send + 'static,
                T: Send + 'static,
            {
                // Called in the task: what it does before it returns its future, such as to panic, is the task's as well.
                future::spawn(async move {
                    let future = (*function)($($a),*);
                    map(future.await)
                })
            }
        }

        impl<F, $($A,)* R> Function<Asynchronous<fn($($A),*) -> R>> for F
        where
            F: Fn($($A),*) -> R + Send + Sync + 'static,
            $($A: DeserializeOwned + Send + 'static,)*
            R: Future<Output: Serialize + Send + 'static> + Send + 'static,
        {
            const BY_VALUE: bool = true;

            fn spawn_values<H>(function: H, values: Vec<Value>) -> Result<future::JoinHandle<Value>, BadValues>
            where
                H: Deref<Target = Self> + Send + 'static,
            {
                let arguments = Read::read(values)?;
                Ok(<F as Invoke<Asynchronous<fn($($A),*) -> R>>>::spawn(function, arguments, write))
            }
        }
    };
}

functions_of!(0:);
functions_of!(1: A a);
functions_of!(2: A a B b);
functions_of!(3: A a B b C c);
functions_of!(4: A a B b C c D d);
functions_of!(5: A a B b C c D d E e);
functions_of!(6: A a B b C c D d E e G g);
functions_of!(7: A a B b C c D d E e G g I i);
functions_of!(8: A a B b C c D d E e G g I i J j);
