//! Sleeping, for futures.

use super::after;
use crate::io::{OpFuture, Timer};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// A future that is ready after `duration`, counted from now: never early. Green threads call
/// [`thread::sleep`](crate::thread::sleep).
///
/// ```
/// use std::time::{Duration, Instant};
/// let start = Instant::now();
/// fibra::run(|| fibra::wait(fibra::time::sleep(Duration::from_millis(2))));
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(after(Instant::now(), duration))
}

/// The same, until a moment.
///
/// ```
/// fibra::run(|| fibra::wait(fibra::time::sleep_until(std::time::Instant::now())));
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, timer: None, over: false }
}

/// See [`sleep`]. Dropping it takes its timer back.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Sleep {
    deadline: Instant,
    /// Started by the first poll that comes before the deadline.
    timer: Option<OpFuture<Timer>>,
    over: bool,
}

impl Sleep {
    /// When it is ready.
    ///
    /// ```
    /// let deadline = std::time::Instant::now();
    /// assert_eq!(fibra::time::sleep_until(deadline).deadline(), deadline);
    /// ```
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Moves it: it is ready at `deadline` instead, also if it was ready before.
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// let mut sleep = fibra::time::sleep(Duration::from_secs(3600));
    /// sleep.reset(Instant::now());
    /// fibra::wait(sleep);
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.timer = None;
        self.over = false;
    }

    /// Whether the deadline has passed, as far as the last poll saw.
    pub fn is_elapsed(&self) -> bool {
        self.over
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.over {
            return Poll::Ready(());
        }
        if self.timer.is_none() {
            if Instant::now() >= self.deadline {
                self.over = true;
                return Poll::Ready(());
            }
            self.timer = Some(OpFuture::new(Timer(self.deadline)));
        }
        let timer = self.timer.as_mut().expect("started above");
        let Poll::Ready((result, _)) = Pin::new(timer).poll(context) else { return Poll::Pending };
        self.timer = None;
        // A timer's error is the end of the runtime that it was started in: start another one, in ours.
        if result.is_err() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.over = true;
        Poll::Ready(())
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
