//! What a set ends with, where that is more than its outputs.

use std::{error::Error, fmt};

/// What came of a [`race`](super::race()).
///
/// # Examples
///
/// ```
/// use std::future::{pending, ready};
/// let race = fibra::wait(fibra::concurrent::race_async([ready(7), ready(8)]))?;
/// assert_eq!((race.index, race.output), (0, 7));
/// assert_eq!(race.others, [None, None], "the second was not begun");
/// # Ok::<(), fibra::concurrent::EmptySet>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Race<T, O> {
    /// Which member was first to end, counted from 0.
    pub index: usize,
    /// What that has ended with.
    pub output: T,
    /// What the others have ended with, each in its place: its result, if it had ended too by the time that the cancel
    /// reached it, or what it has made of the cancel, such as an error. `None` if it has ended without a result; and in the
    /// place of the first.
    pub others: O,
}

/// The error of asking for the first of nothing.
///
/// # Examples
///
/// ```
/// use fibra::concurrent::{self, EmptySet};
/// let nobody: Vec<std::future::Ready<u8>> = Vec::new();
/// assert_eq!(fibra::wait(concurrent::race_async(nobody)), Err(EmptySet));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmptySet;

impl fmt::Display for EmptySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no first of an empty set")
    }
}

impl Error for EmptySet {}

/// The error of [`any`](super::any()): no member has succeeded.
///
/// # Examples
///
/// ```
/// use fibra::concurrent;
/// let failed = concurrent::any([|| Err::<u8, _>("no"), || Err("never")]).unwrap_err();
/// assert_eq!(failed.errors(), ["no", "never"]);
/// assert_eq!(failed.to_string(), "all 2 members have failed, the first one with: no");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllFailed<E> {
    errors: Vec<E>,
}

impl<E> AllFailed<E> {
    pub(super) fn new(errors: Vec<E>) -> Self {
        Self { errors }
    }

    /// The error of each member, in the order of the members.
    pub fn errors(&self) -> &[E] {
        &self.errors
    }

    /// The same, taken out.
    ///
    /// # Examples
    ///
    /// ```
    /// let failed = fibra::concurrent::any([|| Err::<u8, _>(1), || Err(2)]).unwrap_err();
    /// assert_eq!(failed.into_errors(), [1, 2]);
    /// ```
    pub fn into_errors(self) -> Vec<E> {
        self.errors
    }

    /// Whether there were no members at all.
    ///
    /// # Examples
    ///
    /// ```
    /// let nobody: Vec<fn() -> Result<u8, u8>> = Vec::new();
    /// assert!(fibra::concurrent::any(nobody).unwrap_err().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }
}

impl<E: fmt::Display> fmt::Display for AllFailed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.errors[..] {
            [] => f.write_str("none of an empty set has succeeded"),
            [only] => write!(f, "the only member has failed: {only}"),
            [first, ..] => {
                write!(f, "all {} members have failed, the first one with: {first}", self.errors.len())
            }
        }
    }
}

impl<E: Error> Error for AllFailed<E> {}
