//! Waiting for the first of a set.

use super::{
    members::{Members, TryMembers},
    run::Run,
    sets::{Closures, Futures, TryClosures, TryFutures},
};
use crate::{thread::scope, wait::wait};
use std::future::Future;

/// Runs closures concurrently, each as a green thread, until one of them succeeds; then the others are cancelled, and waited
/// for. They may borrow from around the call.
///
/// To let the others go on, spawn them: [`TaskGroup::any`](super::TaskGroup::any) leaves them to the caller, and
/// [`TaskGroup::detach`](super::TaskGroup::detach) to themselves.
///
/// # Errors
///
/// [`AllFailed`](super::AllFailed), with the errors of all in their order, if none succeeds. Of an empty set, with none: it
/// never waits.
///
/// # Panics
///
/// If a closure panics, the others are cancelled and waited for, and then its panic goes on here.
///
/// # Cancellation
///
/// As [`all`](super::all()).
///
/// # Examples
///
/// ```
/// use fibra::{concurrent, thread};
/// use std::time::Duration;
///
/// fibra::run(|| {
///     let mirrors = ["slow", "broken", "quick"];
///     let fetch = |mirror: &'static str| match mirror {
///         "slow" => Ok(thread::sleep(Duration::from_secs(3600))).map(|()| mirror),
///         "broken" => Err("404"),
///         quick => Ok(quick),
///     };
///     let answer = concurrent::any(mirrors.map(|mirror| move || fetch(mirror)));
///     assert_eq!(answer.unwrap(), "quick");
/// });
/// ```
pub fn any<'env, S: TryClosures<'env>>(set: S) -> S::Any {
    scope(|scope| {
        let members = set.try_spawn(scope);
        wait(Run::new(
            members,
            |members, index| members.is_ok(index),
            |members, succeeded| members.take_any(succeeded),
        ))
    })
}

/// Polls futures concurrently, in place, until one of them succeeds; then the others are cancelled, as
/// [the module](super#the-end-of-a-future) says.
///
/// # Errors
///
/// As [`any`].
///
/// # Cancellation
///
/// Dropping the future drops the members.
///
/// # Examples
///
/// ```
/// use fibra::concurrent::{self, OneOf2};
///
/// let answer = fibra::wait(concurrent::any_async((async { Err::<u8, _>("no") }, async { Ok("yes") })));
/// assert_eq!(answer.unwrap(), OneOf2::Second("yes"));
/// ```
pub fn any_async<S: TryFutures>(set: S) -> impl Future<Output = S::Any> {
    Run::new(
        set.into_try_members(),
        |members, index| members.is_ok(index),
        |members, succeeded| members.take_any(succeeded),
    )
}

/// Runs closures concurrently, each as a green thread, until one of them has ended. The others are cancelled: their
/// operations are stopped in the kernel, which is waited for. What they have ended with by then is handed back beside the
/// first one's result, so nothing is lost that was received, or opened, at the same moment.
///
/// When it returns, none of the closures has an operation in flight.
///
/// # Errors
///
/// [`EmptySet`](super::EmptySet) for an array or a vector without members. A tuple always has one, and returns the
/// [`Race`](super::Race) itself.
///
/// # Panics
///
/// If a closure panics, the others are cancelled and waited for, and then its panic goes on here.
///
/// # Cancellation
///
/// As [`all`](super::all()).
///
/// # Examples
///
/// ```
/// use fibra::{concurrent::{self, OneOf2}, net::{TcpListener, TcpStream}};
/// use std::io::{Read, Write};
///
/// fibra::run(|| -> std::io::Result<()> {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let connect = || TcpStream::connect(listener.local_addr()?);
///     let ((mut near, mut far), silent) = ((connect()?, listener.accept()?.0), (connect()?, listener.accept()?.0));
///     far.write_all(b"here I am")?;
///     let receive = |mut stream: &TcpStream| {
///         let mut buffer = [0; 16];
///         stream.read(&mut buffer).map(|length| buffer[..length].to_vec())
///     };
///     let race = concurrent::race((|| receive(&near), || receive(&silent.0)));
///     let OneOf2::First(Ok(bytes)) = race.output else { panic!("only the first was sent anything") };
///     assert_eq!(bytes, b"here I am");
///     // The other one was told that its read was cancelled, if it had begun. Had it received something meanwhile, that would be here.
///     assert!(matches!(race.others, (None, None | Some(Err(_)))));
///     Ok(())
/// })
/// .unwrap();
/// ```
pub fn race<'env, S: Closures<'env>>(set: S) -> S::Race {
    scope(|scope| wait(Run::new(set.spawn(scope), |_, _| true, |members, first| members.take_race(first))))
}

/// Polls futures concurrently, in place, until one of them has ended. The others are cancelled, as
/// [the module](super#the-end-of-a-future) says: their operations are stopped in the kernel, which is waited for, and
/// what they have ended with by then is handed back beside the first one's result.
///
/// When it is ready, none of the members has an operation in flight.
///
/// # Errors
///
/// As [`race`].
///
/// # Cancellation
///
/// Dropping the future drops the members.
///
/// # Examples
///
/// ```
/// use fibra::{concurrent::{self, OneOf2}, time::sleep};
/// use std::time::Duration;
///
/// let race = fibra::wait(concurrent::race_async((sleep(Duration::from_secs(3600)), async { 7 })));
/// assert_eq!((race.index, race.output, race.others), (1, OneOf2::Second(7), (None, None)));
/// ```
pub fn race_async<S: Futures>(set: S) -> impl Future<Output = S::Race> {
    Run::new(set.into_members(), |_, _| true, |members, first| members.take_race(first))
}

/// Waits, in direct style, for whichever of several futures is ready first: the messages of channels, timers, operations.
///
/// Those that are not ready are dropped, unless they were lent: `&mut sleep` goes on where it was, and can be selected
/// again. What waits in fibra for a message, a lock, a moment or a connection (`accept_async`) loses nothing when it is
/// dropped. An operation that moves bytes does: a dropped `read_async` loses its buffer and what was received into it by
/// then, a dropped `write_async` has perhaps sent some. Lend such an operation, as the limit below, and go on with it in the
/// next turn; or use [`race_async`], which hands back what it has ended with.
///
/// If several are ready, any of them may be chosen, so that none that is always ready keeps the others from being heard.
///
/// It stands in for `select` of Go, for crossbeam's `select!` and for `tokio::select!`, whose branches are the arms of an
/// ordinary `match` here: they may use `?`, `break` and `return`, and what the futures borrow is free again.
///
/// # Cancellation
///
/// A cancellation point: the futures are dropped.
///
/// # Examples
///
/// ```
/// use fibra::{concurrent::{OneOf2, select}, sync::channel, thread, time::sleep};
/// use std::{pin::pin, time::Duration};
///
/// fibra::run(|| {
///     let (sender, numbers) = channel::unbounded();
///     thread::spawn(move || (0..3).for_each(|number| sender.send(number).unwrap()));
///     // One limit for all turns: it is lent, and goes on.
///     let mut limit = pin!(sleep(Duration::from_secs(3600)));
///     let mut sum = 0;
///     loop {
///         match select((numbers.recv_async(), limit.as_mut())) {
///             OneOf2::First(Ok(number)) => sum += number,
///             OneOf2::First(Err(_)) => break, // the sender has gone
///             OneOf2::Second(()) => panic!("an hour has passed"),
///         }
///     }
///     assert_eq!(sum, 3);
/// });
/// ```
pub fn select<S: Futures>(set: S) -> S::First {
    wait(select_async(set))
}

/// The same for `async` code. Dropping the future drops the members.
///
/// # Examples
///
/// ```
/// use fibra::{concurrent::{OneOf2, select_async}, sync::channel, time::sleep};
/// use std::time::Duration;
///
/// fibra::block_on(async {
///     let (sender, receiver) = channel::unbounded();
///     sender.send(7).unwrap();
///     let OneOf2::First(message) = select_async((receiver.recv_async(), sleep(Duration::from_secs(3600)))).await else {
///         panic!("an hour has passed");
///     };
///     assert_eq!(message, Ok(7));
/// });
/// ```
pub fn select_async<S: Futures>(set: S) -> impl Future<Output = S::First> {
    Run::new(set.into_members(), |_, _| true, |members, first| members.take_first(first)).leaving_the_rest()
}
