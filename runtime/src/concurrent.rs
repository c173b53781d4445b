#![doc = include_str!("concurrent.md")]

mod all;
mod finished;
mod first;
mod fixed;
mod group;
#[cfg(all(test, loom))]
mod loom;
mod member;
mod members;
mod one_of;
mod outcome;
mod run;
mod seat;
mod sets;
mod tuples;
mod wakers;

#[cfg(feature = "stream")]
pub use self::group::ProgressStream;
pub use self::{
    all::{all, all_async, try_all, try_all_async},
    first::{any, any_async, race, race_async, select, select_async},
    fixed::{CompletionOrder, ConcurrentFuture},
    group::{GroupFull, MemberError, Progress, ProgressWatch, TaskGroup},
    one_of::{OneOf1, OneOf2, OneOf3, OneOf4, OneOf5, OneOf6, OneOf7, OneOf8},
    outcome::{AllFailed, EmptySet, Race},
    sets::{Closures, Futures, TryClosures, TryFutures},
};
