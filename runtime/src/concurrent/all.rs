//! Waiting for all of a set.

use super::{
    members::{Members, TryMembers},
    run::Run,
    sets::{Closures, Futures, TryClosures, TryFutures},
};
use crate::{thread::scope, wait::wait};
use std::future::Future;

/// Runs closures concurrently, each as a green thread, and returns what all of them have returned, in their order. They may
/// borrow from around the call, which waits for all of them.
///
/// The set is a tuple, an array or a vector: see [`Closures`].
///
/// # Panics
///
/// If a closure panics, the others are cancelled and waited for, and then its panic goes on here.
///
/// # Cancellation
///
/// A cancellation point: when the green thread that waits is cancelled, or its deadline passes, the closures are cancelled,
/// and waited for all the same.
///
/// # Examples
///
/// ```
/// use fibra::concurrent;
///
/// fibra::run(|| {
///     let text = String::from("hello, world");
///     let mut longest = String::new();
///     let (words, ()) = concurrent::all((
///         || text.split(' ').count(),
///         || longest.push_str(text.split(' ').max_by_key(|word| word.len()).unwrap()),
///     ));
///     assert_eq!((words, &longest[..]), (2, "hello,"));
///
///     let lengths = concurrent::all(text.split(' ').map(|word| || word.len()).collect::<Vec<_>>());
///     assert_eq!(lengths, [6, 5]);
/// });
/// ```
///
/// What one of them changes, no other may touch:
///
/// ```compile_fail,E0499
/// let mut count = 0;
/// fibra::concurrent::all((|| count += 1, || count += 1));
/// ```
///
/// Nor may what belongs to a thread go to another one:
///
/// ```compile_fail,E0277
/// let local = std::rc::Rc::new(7);
/// fibra::concurrent::all((|| *local, || 8));
/// ```
pub fn all<'env, S: Closures<'env>>(set: S) -> S::All {
    scope(|scope| wait(Run::new(set.spawn(scope), |_, _| false, |members, _| members.take_all())))
}

/// Polls futures concurrently, in place, and is ready with what all of them have ended with, in their order. They may borrow,
/// and need not be `Send`; they run on the task that awaits this. For other cores to take part, spawn them: see
/// [`TaskGroup`](super::TaskGroup).
///
/// The set is a tuple, an array or a vector: see [`Futures`]. Of more than eight, only those are polled that were woken.
///
/// # Cancellation
///
/// Dropping the future drops the members.
///
/// # Examples
///
/// ```
/// use fibra::{concurrent, time::sleep};
/// use std::time::Duration;
///
/// let text = String::from("hello");
/// let (length, ()) = fibra::wait(concurrent::all_async((async { text.len() }, sleep(Duration::from_millis(1)))));
/// assert_eq!(length, 5);
///
/// let squares = fibra::wait(concurrent::all_async((0..100).map(|n| async move { n * n }).collect::<Vec<_>>()));
/// assert_eq!(squares[99], 9801);
/// ```
pub fn all_async<S: Futures>(set: S) -> impl Future<Output = S::All> {
    Run::new(set.into_members(), |_, _| false, |members, _| members.take_all())
}

/// Runs closures concurrently as [`all`] does, until one of them fails: then the others are cancelled.
///
/// # Errors
///
/// The error of the closure that was first to fail, once the others have ended.
///
/// # Panics
///
/// As [`all`].
///
/// # Cancellation
///
/// As [`all`]. The others are cancelled as by [`JoinHandle::cancel`](crate::thread::JoinHandle::cancel): their waits fail, and
/// their operations are stopped in the kernel.
///
/// # Examples
///
/// ```
/// use fibra::{concurrent, thread};
/// use std::time::Duration;
///
/// fibra::run(|| {
///     let sum: Result<(i32, i32), &str> = concurrent::try_all((|| Ok(1), || Ok(2)));
///     assert_eq!(sum, Ok((1, 2)));
///
///     let failed = concurrent::try_all((
///         || Ok(thread::sleep(Duration::from_secs(3600))),
///         || Err::<(), _>("no"),
///     ));
///     assert_eq!(failed, Err("no"));
/// });
/// ```
pub fn try_all<'env, S: TryClosures<'env>>(set: S) -> S::TryAll {
    scope(|scope| {
        let members = set.try_spawn(scope);
        wait(Run::new(
            members,
            |members, index| !members.is_ok(index),
            |members, failed| members.take_try_all(failed),
        ))
    })
}

/// Polls futures concurrently as [`all_async`] does, until one of them fails: then the others are cancelled, as
/// [the module](super#the-end-of-a-future) says.
///
/// # Errors
///
/// The error of the future that was first to fail, once the others have ended.
///
/// # Cancellation
///
/// Dropping the future drops the members.
///
/// # Examples
///
/// ```
/// use fibra::concurrent;
///
/// let failed = fibra::wait(concurrent::try_all_async((std::future::pending::<Result<(), _>>(), async { Err::<(), _>("no") })));
/// assert_eq!(failed, Err("no"));
/// ```
pub fn try_all_async<S: TryFutures>(set: S) -> impl Future<Output = S::TryAll> {
    Run::new(
        set.into_try_members(),
        |members, index| !members.is_ok(index),
        |members, failed| members.take_try_all(failed),
    )
}
