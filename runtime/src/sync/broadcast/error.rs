//! Why a receive of a broadcast channel fails.

use std::{error::Error, fmt};

/// Why [`Receiver::recv`](super::Receiver::recv) has no message.
///
/// # Examples
///
/// See [`Receiver::recv`](super::Receiver::recv).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// All messages were received, and all senders are gone.
    Closed,
    /// So many messages are gone that were not received. The next receive goes on with the oldest that is there.
    Lagged(u64),
}

/// Why [`Receiver::try_recv`](super::Receiver::try_recv) has no message.
///
/// # Examples
///
/// See [`Receiver::try_recv`](super::Receiver::try_recv).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryRecvError {
    /// There is none now.
    Empty,
    /// All messages were received, and all senders are gone.
    Closed,
    /// So many messages are gone that were not received. The next receive goes on with the oldest that is there.
    Lagged(u64),
}

/// Why [`Receiver::recv_timeout`](super::Receiver::recv_timeout) has no message.
///
/// # Examples
///
/// See [`Receiver::recv_timeout`](super::Receiver::recv_timeout).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvTimeoutError {
    /// None came in time.
    Timeout,
    /// All messages were received, and all senders are gone.
    Closed,
    /// So many messages are gone that were not received. The next receive goes on with the oldest that is there.
    Lagged(u64),
}

impl From<RecvError> for TryRecvError {
    fn from(error: RecvError) -> Self {
        match error {
            RecvError::Closed => Self::Closed,
            RecvError::Lagged(missed) => Self::Lagged(missed),
        }
    }
}

impl From<RecvError> for RecvTimeoutError {
    fn from(error: RecvError) -> Self {
        match error {
            RecvError::Closed => Self::Closed,
            RecvError::Lagged(missed) => Self::Lagged(missed),
        }
    }
}

fn lagged(f: &mut fmt::Formatter<'_>, missed: u64) -> fmt::Result {
    write!(f, "the receiver lagged too far behind and missed {missed} messages")
}

const CLOSED: &str = "all senders of the channel are gone";

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Closed => f.write_str(CLOSED),
            Self::Lagged(missed) => lagged(f, missed),
        }
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("there is no message now"),
            Self::Closed => f.write_str(CLOSED),
            Self::Lagged(missed) => lagged(f, missed),
        }
    }
}

impl fmt::Display for RecvTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Timeout => f.write_str("no message came in time"),
            Self::Closed => f.write_str(CLOSED),
            Self::Lagged(missed) => lagged(f, missed),
        }
    }
}

impl Error for RecvError {}
impl Error for TryRecvError {}
impl Error for RecvTimeoutError {}
