//! hyper's clock.

use crate::time;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// Keeps hyper's timeouts by fibra's timers.
///
/// ```
/// use hyper::rt::Timer as _;
/// use std::time::{Duration, Instant};
/// let start = Instant::now();
/// fibra::wait(fibra::hyper::Timer.sleep(Duration::from_millis(2)));
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Timer;

/// The sleep of a [`Timer`].
///
/// ```
/// use hyper::rt::Timer as _;
/// let sleep = fibra::hyper::Timer.sleep(std::time::Duration::ZERO);
/// assert!(sleep.is::<fibra::hyper::Sleep>());
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Sleep(time::Sleep);

impl hyper::rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep(time::sleep(duration)))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep(time::sleep_until(deadline)))
    }

    /// By the clock that the sleeps go by.
    fn now(&self) -> Instant {
        time::now()
    }

    /// Without a new allocation for a sleep of ours.
    fn reset(&self, sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>, new_deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(ours) => ours.get_mut().0.reset(new_deadline),
            None => *sleep = self.sleep_until(new_deadline),
        }
    }
}

impl hyper::rt::Sleep for Sleep {}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context)
    }
}
