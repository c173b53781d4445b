//! What can run concurrently: tuples, arrays and vectors of closures, or of futures.

use super::{
    member::{InPlace, Threaded},
    members::{Exactly, Members, Row, TryMembers, row},
    outcome::{AllFailed, EmptySet, Race},
};
use crate::thread::Scope;
use std::future::IntoFuture;

/// A tuple, an array or a vector of futures, or of what can be made into futures.
///
/// Implemented for tuples of one to eight, whose members may be of different types, and for arrays and vectors of any
/// length. Nothing else can implement it.
///
/// # Examples
///
/// ```
/// use fibra::concurrent::{Futures, all_async};
///
/// /// Takes any set, and counts how often it did.
/// async fn counted<S: Futures>(count: &mut u32, set: S) -> S::All {
///     *count += 1;
///     all_async(set).await
/// }
/// let mut count = 0;
/// assert_eq!(fibra::wait(counted(&mut count, (async { 1 }, async { "two" }))), (1, "two"));
/// assert_eq!(fibra::wait(counted(&mut count, [async { 3 }])), [3]);
/// assert_eq!(count, 2);
/// ```
pub trait Futures {
    /// What all have ended with: a tuple, an array or a vector.
    type All;
    /// What the first one has ended with. Of a tuple, a [`OneOf2`](super::OneOf2) or the like; else with its index, or
    /// [`EmptySet`].
    type First;
    /// The same, and what the others have ended with: a [`Race`](super::Race), or [`EmptySet`].
    type Race;
    #[doc(hidden)]
    type Members: Members<All = Self::All, First = Self::First, Race = Self::Race>;

    #[doc(hidden)]
    fn into_members(self) -> Self::Members;
}

/// [`Futures`] that return a `Result`, all with errors of one type.
///
/// # Examples
///
/// ```
/// use fibra::concurrent::{TryFutures, try_all_async};
///
/// fn now<S: TryFutures>(set: S) -> S::TryAll {
///     fibra::wait(try_all_async(set))
/// }
/// assert_eq!(now((async { Ok::<_, ()>(1) }, async { Ok("two") })), Ok((1, "two")));
/// ```
pub trait TryFutures {
    /// What all have returned, or the first error.
    type TryAll;
    /// What one has returned, or [`AllFailed`](super::AllFailed).
    type Any;
    #[doc(hidden)]
    type TryMembers: TryMembers<TryAll = Self::TryAll, Any = Self::Any>;

    #[doc(hidden)]
    fn into_try_members(self) -> Self::TryMembers;
}

/// A tuple, an array or a vector of closures. They, and what they return, may borrow from `'env`.
///
/// Implemented for tuples of one to eight, whose members may return different types, and for arrays and vectors of any
/// length. Nothing else can implement it.
///
/// # Examples
///
/// ```
/// use fibra::{concurrent::{Closures, all}, time::{Elapsed, timeout}};
/// use std::time::Duration;
///
/// fn within<'env, S: Closures<'env>>(limit: Duration, set: S) -> Result<S::All, Elapsed> {
///     timeout(limit, || all(set))
/// }
/// let both = fibra::run(|| within(Duration::from_secs(3600), (|| 1, || "two")));
/// assert_eq!(both, Ok((1, "two")));
/// ```
pub trait Closures<'env> {
    /// What all have returned: a tuple, an array or a vector.
    type All;
    /// What the first one has returned, and the others: a [`Race`](super::Race), or [`EmptySet`].
    type Race;
    #[doc(hidden)]
    type Members: Members<All = Self::All, Race = Self::Race>;

    #[doc(hidden)]
    fn spawn<'scope>(self, scope: &'scope Scope<'scope, 'env>) -> Self::Members;
}

/// [`Closures`] that return a `Result`, all with errors of one type.
///
/// # Examples
///
/// ```
/// use fibra::concurrent::{TryClosures, any};
///
/// fn first<'env, S: TryClosures<'env>>(set: S) -> S::Any {
///     any(set)
/// }
/// assert_eq!(first([|| Ok::<_, ()>(1)]), Ok(1));
/// ```
pub trait TryClosures<'env> {
    /// What all have returned, or the first error.
    type TryAll;
    /// What one has returned, or [`AllFailed`](super::AllFailed).
    type Any;
    #[doc(hidden)]
    type TryMembers: TryMembers<TryAll = Self::TryAll, Any = Self::Any>;

    #[doc(hidden)]
    fn try_spawn<'scope>(self, scope: &'scope Scope<'scope, 'env>) -> Self::TryMembers;
}

impl<F: IntoFuture> Futures for Vec<F> {
    type All = Vec<F::Output>;
    type First = Result<(usize, F::Output), EmptySet>;
    type Race = Result<Race<F::Output, Vec<Option<F::Output>>>, EmptySet>;
    type Members = Row<InPlace<F::IntoFuture>>;

    fn into_members(self) -> Self::Members {
        row(self.into_iter().map(|future| InPlace::new(future.into_future())))
    }
}

impl<T, E, F: IntoFuture<Output = Result<T, E>>> TryFutures for Vec<F> {
    type TryAll = Result<Vec<T>, E>;
    type Any = Result<T, AllFailed<E>>;
    type TryMembers = Row<InPlace<F::IntoFuture>>;

    fn into_try_members(self) -> Self::TryMembers {
        self.into_members()
    }
}

impl<'env, T: Send + 'env, F: FnOnce() -> T + Send + 'env> Closures<'env> for Vec<F> {
    type All = Vec<T>;
    type Race = Result<Race<T, Vec<Option<T>>>, EmptySet>;
    type Members = Row<Threaded<T>>;

    fn spawn<'scope>(self, scope: &'scope Scope<'scope, 'env>) -> Self::Members {
        row(self.into_iter().map(|closure| Threaded::new(scope.spawn(closure))))
    }
}

impl<'env, T, E, F> TryClosures<'env> for Vec<F>
where
    T: Send + 'env,
    E: Send + 'env,
    F: FnOnce() -> Result<T, E> + Send + 'env,
{
    type TryAll = Result<Vec<T>, E>;
    type Any = Result<T, AllFailed<E>>;
    type TryMembers = Row<Threaded<Result<T, E>>>;

    fn try_spawn<'scope>(self, scope: &'scope Scope<'scope, 'env>) -> Self::TryMembers {
        self.spawn(scope)
    }
}

impl<F: IntoFuture, const N: usize> Futures for [F; N] {
    type All = [F::Output; N];
    type First = Result<(usize, F::Output), EmptySet>;
    type Race = Result<Race<F::Output, [Option<F::Output>; N]>, EmptySet>;
    type Members = Exactly<InPlace<F::IntoFuture>, N>;

    fn into_members(self) -> Self::Members {
        Exactly::new(self.map(|future| InPlace::new(future.into_future())))
    }
}

impl<T, E, F: IntoFuture<Output = Result<T, E>>, const N: usize> TryFutures for [F; N] {
    type TryAll = Result<[T; N], E>;
    type Any = Result<T, AllFailed<E>>;
    type TryMembers = Exactly<InPlace<F::IntoFuture>, N>;

    fn into_try_members(self) -> Self::TryMembers {
        self.into_members()
    }
}

impl<'env, T: Send + 'env, F: FnOnce() -> T + Send + 'env, const N: usize> Closures<'env> for [F; N] {
    type All = [T; N];
    type Race = Result<Race<T, [Option<T>; N]>, EmptySet>;
    type Members = Exactly<Threaded<T>, N>;

    fn spawn<'scope>(self, scope: &'scope Scope<'scope, 'env>) -> Self::Members {
        Exactly::new(self.map(|closure| Threaded::new(scope.spawn(closure))))
    }
}

impl<'env, T, E, F, const N: usize> TryClosures<'env> for [F; N]
where
    T: Send + 'env,
    E: Send + 'env,
    F: FnOnce() -> Result<T, E> + Send + 'env,
{
    type TryAll = Result<[T; N], E>;
    type Any = Result<T, AllFailed<E>>;
    type TryMembers = Exactly<Threaded<Result<T, E>>, N>;

    fn try_spawn<'scope>(self, scope: &'scope Scope<'scope, 'env>) -> Self::TryMembers {
        self.spawn(scope)
    }
}
