//! Sleeping, for futures.

use crate::{
    io::Timer,
    scheduler::{clock, share, worker::Worker},
};
use fibra_driver::Moment;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
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
#[inline]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::until(clock::start_of(duration).after(duration))
}

/// The same, until a moment.
///
/// ```
/// fibra::run(|| fibra::wait(fibra::time::sleep_until(std::time::Instant::now())));
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::until(deadline.into())
}

/// See [`sleep`]. Dropping it takes its timer back.
#[must_use = "futures do nothing unless they are awaited"]
#[repr(C)]
pub struct Sleep {
    /// Started by the first poll that comes before the deadline. It may end before that, if the deadline was moved later
    /// meanwhile. First, as [`Timer`] says why.
    timer: Timer,
    deadline: Moment,
}

// Three words, the first two of them written at once.
const _: () = assert!(size_of::<Sleep>() == 24 || !cfg!(target_pointer_width = "64"));

impl Sleep {
    #[inline]
    fn until(deadline: Moment) -> Self {
        Self { timer: Timer::new(), deadline }
    }

    /// When it is ready.
    ///
    /// ```
    /// let deadline = std::time::Instant::now();
    /// assert_eq!(fibra::time::sleep_until(deadline).deadline(), deadline);
    /// ```
    pub fn deadline(&self) -> Instant {
        self.deadline.into()
    }

    /// Moves it: it is ready at `deadline` instead, also if it was ready before.
    ///
    /// Moving it later costs next to nothing, as a time limit is that is renewed with each request: the timer stays, and
    /// goes on to the new moment when it ends.
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// let mut sleep = fibra::time::sleep(Duration::from_secs(3600));
    /// sleep.reset(Instant::now());
    /// fibra::wait(sleep);
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        let deadline = Moment::from(deadline);
        if deadline < self.deadline || self.timer.is_over() {
            self.timer = Timer::new();
        }
        self.deadline = deadline;
    }

    /// Whether the deadline has passed, as far as the last poll saw.
    pub fn is_elapsed(&self) -> bool {
        self.timer.is_over()
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.timer.is_over() {
            return Poll::Ready(());
        }
        ready!(this.timer.poll(context));
        let worker = Worker::here();
        if recent_time(worker) < this.deadline {
            this.timer.start(worker, this.deadline, context);
            return Poll::Pending;
        }
        ready!(share::poll_charge(context));
        this.timer.finish();
        Poll::Ready(())
    }
}

/// A time that has passed. On a worker it is the one at which that last looked around: a look at the clock costs more than
/// all else here, and a deadline that has passed since then ends with the driver's next turn.
fn recent_time(worker: Option<&Worker>) -> Moment {
    match worker {
        Some(worker) => worker.last_look(),
        None => clock::now_exactly(),
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline())
            .field("over", &self.is_elapsed())
            .finish_non_exhaustive()
    }
}
