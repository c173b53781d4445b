//! The states of a frame, and what is refused in which of them.

use std::{error::Error, fmt};

/// Where a frame is in its life; the [module](super) draws it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// It has not been resumed yet.
    Created,
    /// Its body runs right now.
    Running,
    /// Its body waits to be resumed.
    Suspended,
    /// Its body has ended, and nobody has taken the result.
    Done,
    /// Its body has ended, and the result has been taken.
    Taken,
    /// It was cancelled before its body had ended.
    Cancelled,
    /// Its body has panicked.
    Panicked,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Created => "has not begun",
            State::Running => "is running",
            State::Suspended => "is suspended",
            State::Done => "is done",
            State::Taken => "is done, and whose result has been taken,",
            State::Cancelled => "was cancelled",
            State::Panicked => "has panicked",
        })
    }
}

/// How far a frame has come when a [`resume`](super::Frame::resume) returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resumed {
    /// The body waits to be resumed again.
    Suspended,
    /// The body has ended: there is a result to [take](super::Frame::take).
    Done,
}

/// What may be asked of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Resume,
    Cancel,
    Take,
}

impl Request {
    #[inline]
    pub(super) fn check(self, state: State) -> Result<(), Refused> {
        let allowed = match self {
            Request::Resume | Request::Cancel => matches!(state, State::Created | State::Suspended),
            Request::Take => state == State::Done,
        };
        if allowed { Ok(()) } else { Err(Refused { request: self, state }) }
    }
}

/// Something was asked of a frame that it can't do in its state. The frame is as it was.
///
/// ```
/// use fibra::frame::{Frame, Slot, State};
///
/// let slot = std::pin::pin!(Slot::<8>::new());
/// let frame = Frame::new_in(slot, async {}).unwrap();
/// frame.cancel().unwrap();
/// let refused = frame.resume().unwrap_err();
/// assert_eq!(refused.state(), State::Cancelled);
/// assert_eq!(refused.to_string(), "a frame that was cancelled cannot be resumed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    request: Request,
    state: State,
}

impl Refused {
    /// The state that the frame is in.
    pub fn state(&self) -> State {
        self.state
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refusal = match self.request {
            Request::Resume => "cannot be resumed",
            Request::Cancel => "cannot be cancelled",
            Request::Take => "has no result to take",
        };
        write!(f, "a frame that {} {refusal}", self.state)
    }
}

impl Error for Refused {}
