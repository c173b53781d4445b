//! The point where a body suspends itself.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// Suspends the frame that awaits this, until it is resumed. Under an executor, which resumes who has been woken, it lets others run.
///
/// Values go in and out by what the body and its owner share, such as a [`Cell`](std::cell::Cell).
///
/// ```
/// use fibra::frame::{Frame, Resumed, Slot, suspend};
///
/// let body = async {
///     suspend().await;
///     suspend().await;
/// };
/// let slot = std::pin::pin!(Slot::<64>::new());
/// let frame = Frame::new_in(slot, body).unwrap();
/// assert_eq!(frame.resume(), Ok(Resumed::Suspended));
/// assert_eq!(frame.resume(), Ok(Resumed::Suspended));
/// assert_eq!(frame.resume(), Ok(Resumed::Done));
/// ```
pub fn suspend() -> Suspend {
    Suspend { suspended: false }
}

/// See [`suspend`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Suspend {
    suspended: bool,
}

impl Future for Suspend {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.suspended {
            return Poll::Ready(());
        }
        self.suspended = true;
        // An executor polls nobody who has not been woken.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
