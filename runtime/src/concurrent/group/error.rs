//! Why a group has no room, or no result.

use crate::future::JoinError;
use std::{error::Error, fmt};

/// A group with a limit has no room for another member; with what was to be spawned.
///
/// # Examples
///
/// See [`TaskGroup::try_spawn`](super::TaskGroup::try_spawn).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct GroupFull<F>(pub F);

impl<F> fmt::Debug for GroupFull<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupFull").finish_non_exhaustive()
    }
}

impl<F> fmt::Display for GroupFull<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as many members of the group run as its limit allows")
    }
}

impl<F> Error for GroupFull<F> {}

/// Why a member of a group has not succeeded.
///
/// # Examples
///
/// See [`TaskGroup::any`](super::TaskGroup::any).
#[derive(Debug)]
#[non_exhaustive]
pub enum MemberError<E> {
    /// It has returned an error.
    Returned {
        /// Which member.
        index: usize,
        /// Its error.
        error: E,
    },
    /// It has panicked, or was cancelled.
    Ended {
        /// Which member.
        index: usize,
        /// How it has ended.
        error: JoinError,
    },
}

impl<E> MemberError<E> {
    /// Which member: how many were spawned before it.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::<Result<(), u8>>::new();
    /// group.spawn(async { Err(7) });
    /// assert_eq!(group.any().unwrap_err().errors()[0].index(), 0);
    /// ```
    pub fn index(&self) -> usize {
        match self {
            Self::Returned { index, .. } | Self::Ended { index, .. } => *index,
        }
    }
}

impl<E: fmt::Display> fmt::Display for MemberError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned { index, error } => write!(f, "member {index}: {error}"),
            Self::Ended { index, error } => write!(f, "member {index}: {error}"),
        }
    }
}

impl<E: Error + 'static> Error for MemberError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Returned { error, .. } => Some(error),
            Self::Ended { error, .. } => Some(error),
        }
    }
}
