//! Timers that wake somebody, beside the operations that complete.

use std::task::Waker;
use std::time::Instant;

use super::Driver;
use crate::moment::Moment;
use crate::timers::{TimerKey, Token};

impl Driver {
    /// Starts a timer: the first turn after `deadline`, or as much later as [`Config::timer_slack`](crate::Config::timer_slack)
    /// says, hands `waker` to [`take_expired`](Driver::take_expired). Nothing is
    /// waiting for a completion, so that nothing has to be kept until one comes.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver, Wait};
    /// # use std::{task::Waker, time::{Duration, Instant}};
    /// let mut driver = Driver::new(&Config::default())?;
    /// driver.start_timer(Instant::now() + Duration::from_millis(1), Waker::noop().clone());
    /// driver.turn(Wait::Forever, &mut Vec::new())?;
    /// let mut expired = Vec::new();
    /// driver.take_expired(&mut expired);
    /// expired.into_iter().for_each(Waker::wake);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn start_timer(&mut self, deadline: impl Into<Moment>, waker: Waker) -> TimerKey {
        self.ledger.stats.operations += 1;
        self.ledger.start(deadline, Token::Timer(waker))
    }

    /// Tells what time it is by the driver's [clock](crate::Config::clock), or was a moment ago, for whoever has just looked. Until
    /// the next turn, the first timer of all needs no look of the driver's own then, which costs as much as the timer.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver, Moment};
    /// # use std::{task::Waker, time::Duration};
    /// # let mut driver = Driver::new(&Config::default())?;
    /// let now = Moment::now();
    /// driver.tell_time(now);
    /// let key = driver.start_timer(now.after(Duration::from_millis(1)), Waker::noop().clone());
    /// assert!(driver.stop_timer(key).is_some());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn tell_time(&mut self, now: Moment) {
        self.ledger.tell_time(now);
    }

    /// Whom a timer wakes: for a look, or for a change. `None`: it has expired or was stopped.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// # use std::{task::Waker, time::Instant};
    /// # let mut driver = Driver::new(&Config::default())?;
    /// let key = driver.start_timer(Instant::now(), Waker::noop().clone());
    /// assert!(driver.waker_of(key).is_some_and(|waker| waker.will_wake(Waker::noop())));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn waker_of(&mut self, key: TimerKey) -> Option<&mut Waker> {
        self.ledger.waker_of(key)
    }

    /// Stops a timer, and returns whom it would have woken. `None`: it has expired, or was stopped before.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// # use std::{task::Waker, time::Instant};
    /// # let mut driver = Driver::new(&Config::default())?;
    /// let key = driver.start_timer(Instant::now(), Waker::noop().clone());
    /// assert!(driver.stop_timer(key).is_some());
    /// assert!(driver.waker_of(key).is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn stop_timer(&mut self, key: TimerKey) -> Option<Waker> {
        let waker = self.ledger.stop_timer(key);
        self.ledger.stats.withdrawn += u64::from(waker.is_some());
        waker
    }

    /// Stops all timers, and has [`take_expired`](Driver::take_expired) hand their wakers out as if they had expired: whoever
    /// waits has to start another timer, elsewhere.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// # use std::{task::Waker, time::{Duration, Instant}};
    /// # let mut driver = Driver::new(&Config::default())?;
    /// driver.start_timer(Instant::now() + Duration::from_secs(3600), Waker::noop().clone());
    /// driver.stop_all_timers();
    /// let mut expired = Vec::new();
    /// driver.take_expired(&mut expired);
    /// assert_eq!(expired.len(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stop_all_timers(&mut self) {
        for key in self.ledger.wheel.timers() {
            let waker = self.stop_timer(key);
            self.ledger.expired.extend(waker);
        }
    }

    /// How many timers and timeouts are running.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// # use std::{task::Waker, time::{Duration, Instant}};
    /// # let mut driver = Driver::new(&Config::default())?;
    /// driver.start_timer(Instant::now() + Duration::from_secs(3600), Waker::noop().clone());
    /// assert_eq!(driver.timers_running(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn timers_running(&self) -> usize {
        self.ledger.wheel.len()
    }

    /// When the next timer, or timeout, may be due, by the driver's [clock](crate::Config::clock): none is due earlier.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// # use std::{task::Waker, time::{Duration, Instant}};
    /// let mut driver = Driver::new(&Config::default())?;
    /// assert_eq!(driver.next_timer(), None);
    /// let deadline = Instant::now() + Duration::from_secs(3600);
    /// driver.start_timer(deadline, Waker::noop().clone());
    /// assert!(driver.next_timer().is_some_and(|next| next <= deadline));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn next_timer(&self) -> Option<Instant> {
        self.ledger.next_timer()
    }

    /// Moves over whom the timers wake that have expired in the turns so far. They are not woken here, since a waker may
    /// do anything, such as using this driver.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// let mut expired = Vec::new();
    /// Driver::new(&Config::default())?.take_expired(&mut expired);
    /// assert!(expired.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn take_expired(&mut self, wakers: &mut Vec<Waker>) {
        if !self.ledger.expired.is_empty() {
            wakers.append(&mut self.ledger.expired);
        }
    }
}
