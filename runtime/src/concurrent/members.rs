//! A set while it runs: its members where they are pinned, and what each of them has ended with.

use super::{
    member::Member,
    outcome::{AllFailed, EmptySet, Race},
};
use std::{
    array,
    pin::Pin,
    task::{Context, Poll},
};

/// A member, and then its output.
pub enum Slot<M: Member> {
    /// Pinned here.
    Running(M),
    /// What it has ended with: nothing if it was asked to end, or if that was taken.
    Ended(Option<M::Output>),
}

impl<M: Member> Slot<M> {
    pub(super) fn new(member: M) -> Self {
        Self::Running(member)
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// Polls the member, whose result is wanted or not; ready when it has ended.
    pub(super) fn poll(self: Pin<&mut Self>, is_wanted: bool, context: &mut Context<'_>) -> Poll<()> {
        // SAFETY: the member stays where it is until it is dropped there.
        let this = unsafe { self.get_unchecked_mut() };
        let Self::Running(member) = this else { return Poll::Ready(()) };
        // SAFETY: as above.
        let member = unsafe { Pin::new_unchecked(member) };
        let polled = if is_wanted { member.poll(context).map(Some) } else { member.poll_end(context) };
        polled.map(|output| *this = Self::Ended(output))
    }

    pub(super) fn output(&self) -> Option<&M::Output> {
        match self {
            Self::Running(_) => None,
            Self::Ended(output) => output.as_ref(),
        }
    }

    /// What it has ended with, once.
    pub(super) fn take(self: Pin<&mut Self>) -> Option<M::Output> {
        // SAFETY: an output is not pinned, and the member is left where it is.
        match unsafe { self.get_unchecked_mut() } {
            Self::Running(_) => None,
            Self::Ended(output) => output.take(),
        }
    }

    /// The same of one that ended by itself.
    pub(super) fn expect(self: Pin<&mut Self>) -> M::Output {
        self.take().expect("a member that ended by itself has an output")
    }
}

/// A set while it runs.
pub trait Members {
    /// What all have ended with.
    type All;
    /// What the first one has ended with.
    type First;
    /// The same, and what the others have.
    type Race;

    /// How many there are.
    fn len(&self) -> usize;

    /// Whether the member has not ended yet.
    fn is_running(&self, index: usize) -> bool;

    /// Polls the member, whose result is wanted or not; ready when it has ended.
    fn poll(self: Pin<&mut Self>, index: usize, is_wanted: bool, context: &mut Context<'_>) -> Poll<()>;

    /// All have ended by themselves.
    fn take_all(self: Pin<&mut Self>) -> Self::All;

    /// `first` has ended by itself; `None` if there are no members.
    fn take_first(self: Pin<&mut Self>, first: Option<usize>) -> Self::First;

    /// The same; the others have ended too.
    fn take_race(self: Pin<&mut Self>, first: Option<usize>) -> Self::Race;
}

/// A set whose members succeed or fail.
pub trait TryMembers: Members {
    /// What all have returned, or the error of the one that has failed.
    type TryAll;
    /// What one has returned, or the errors of all.
    type Any;

    /// Whether the member has ended, and succeeded.
    fn is_ok(&self, index: usize) -> bool;

    /// All have ended by themselves, unless `failed` has failed.
    fn take_try_all(self: Pin<&mut Self>, failed: Option<usize>) -> Self::TryAll;

    /// The same, with those that failed and succeeded changing places.
    fn take_any(self: Pin<&mut Self>, succeeded: Option<usize>) -> Self::Any;
}

/// Members of one type.
pub type Row<M> = Pin<Box<[Slot<M>]>>;

/// The same, of a number that is known.
pub struct Exactly<M: Member, const N: usize>(Row<M>);

pub(super) fn row<M: Member>(members: impl IntoIterator<Item = M>) -> Row<M> {
    Box::into_pin(members.into_iter().map(Slot::new).collect())
}

impl<M: Member, const N: usize> Exactly<M, N> {
    pub(super) fn new(members: [M; N]) -> Self {
        Self(row(members))
    }
}

fn slot<M: Member>(row: &mut Row<M>, index: usize) -> Pin<&mut Slot<M>> {
    // SAFETY: the slots of a pinned slice are pinned.
    unsafe { row.as_mut().map_unchecked_mut(|slots| &mut slots[index]) }
}

fn outputs<M: Member>(row: &mut Row<M>) -> impl Iterator<Item = Option<M::Output>> {
    (0..row.len()).map(|index| slot(row, index).take())
}

fn expected<T>(output: Option<T>) -> T {
    output.expect("a member that ended by itself has an output")
}

fn race<M: Member, O>(
    row: &mut Row<M>,
    first: Option<usize>,
    others: impl FnOnce(&mut Row<M>) -> O,
) -> Result<Race<M::Output, O>, EmptySet> {
    let index = first.ok_or(EmptySet)?;
    let output = slot(row, index).expect();
    Ok(Race { index, output, others: others(row) })
}

fn any<T, E, M: Member<Output = Result<T, E>>>(
    row: &mut Row<M>,
    succeeded: Option<usize>,
) -> Result<T, AllFailed<E>> {
    match succeeded {
        Some(index) => Ok(slot(row, index).expect().ok().expect("the member that was chosen has succeeded")),
        None => {
            let errors = outputs(row).map(|output| expected(output).err().expect("none has succeeded"));
            Err(AllFailed::new(errors.collect()))
        }
    }
}

fn try_all<T, E, M: Member<Output = Result<T, E>>>(
    row: &mut Row<M>,
    failed: Option<usize>,
) -> Result<Vec<T>, E> {
    match failed {
        Some(index) => Err(slot(row, index).expect().err().expect("the member that was chosen has failed")),
        None => outputs(row).map(expected).collect(),
    }
}

impl<M: Member> Members for Row<M> {
    type All = Vec<M::Output>;
    type First = Result<(usize, M::Output), EmptySet>;
    type Race = Result<Race<M::Output, Vec<Option<M::Output>>>, EmptySet>;

    fn len(&self) -> usize {
        (**self).len()
    }

    fn is_running(&self, index: usize) -> bool {
        self[index].is_running()
    }

    fn poll(self: Pin<&mut Self>, index: usize, is_wanted: bool, context: &mut Context<'_>) -> Poll<()> {
        slot(self.get_mut(), index).poll(is_wanted, context)
    }

    fn take_all(self: Pin<&mut Self>) -> Self::All {
        outputs(self.get_mut()).map(expected).collect()
    }

    fn take_first(self: Pin<&mut Self>, first: Option<usize>) -> Self::First {
        let index = first.ok_or(EmptySet)?;
        Ok((index, slot(self.get_mut(), index).expect()))
    }

    fn take_race(self: Pin<&mut Self>, first: Option<usize>) -> Self::Race {
        race(self.get_mut(), first, |row| outputs(row).collect())
    }
}

impl<T, E, M: Member<Output = Result<T, E>>> TryMembers for Row<M> {
    type TryAll = Result<Vec<T>, E>;
    type Any = Result<T, AllFailed<E>>;

    fn is_ok(&self, index: usize) -> bool {
        self[index].output().is_some_and(Result::is_ok)
    }

    fn take_try_all(self: Pin<&mut Self>, failed: Option<usize>) -> Self::TryAll {
        try_all(self.get_mut(), failed)
    }

    fn take_any(self: Pin<&mut Self>, succeeded: Option<usize>) -> Self::Any {
        any(self.get_mut(), succeeded)
    }
}

fn exactly<T, const N: usize>(row: Vec<T>) -> [T; N] {
    row.try_into().unwrap_or_else(|_| unreachable!("a row has as many outputs as members"))
}

impl<M: Member, const N: usize> Members for Exactly<M, N> {
    type All = [M::Output; N];
    type First = Result<(usize, M::Output), EmptySet>;
    type Race = Result<Race<M::Output, [Option<M::Output>; N]>, EmptySet>;

    fn len(&self) -> usize {
        N
    }

    fn is_running(&self, index: usize) -> bool {
        self.0[index].is_running()
    }

    fn poll(self: Pin<&mut Self>, index: usize, is_wanted: bool, context: &mut Context<'_>) -> Poll<()> {
        slot(&mut self.get_mut().0, index).poll(is_wanted, context)
    }

    fn take_all(self: Pin<&mut Self>) -> Self::All {
        let row = &mut self.get_mut().0;
        array::from_fn(|index| slot(row, index).expect())
    }

    fn take_first(self: Pin<&mut Self>, first: Option<usize>) -> Self::First {
        Pin::new(&mut self.get_mut().0).take_first(first)
    }

    fn take_race(self: Pin<&mut Self>, first: Option<usize>) -> Self::Race {
        race(&mut self.get_mut().0, first, |row| array::from_fn(|index| slot(row, index).take()))
    }
}

impl<T, E, M: Member<Output = Result<T, E>>, const N: usize> TryMembers for Exactly<M, N> {
    type TryAll = Result<[T; N], E>;
    type Any = Result<T, AllFailed<E>>;

    fn is_ok(&self, index: usize) -> bool {
        self.0.is_ok(index)
    }

    fn take_try_all(self: Pin<&mut Self>, failed: Option<usize>) -> Self::TryAll {
        try_all(&mut self.get_mut().0, failed).map(exactly)
    }

    fn take_any(self: Pin<&mut Self>, succeeded: Option<usize>) -> Self::Any {
        any(&mut self.get_mut().0, succeeded)
    }
}
