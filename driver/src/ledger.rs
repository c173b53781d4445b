//! The books of a driver: what is in flight, what waits for the clock or the pool, and what is ready to be handed over.
//!
//! Whatever is independent of the backend is here, so that a backend only has to know its own half of an operation.

use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::backend;
use crate::clock::Clock;
use crate::completion::{Completion, OpKey, Wait};
use crate::config::{Config, Stats};
use crate::moment::Moment;
use crate::op::Op;
use crate::pool::{self, Inbox};
use crate::slab::{Slab, State};
use crate::timers::{Slack, TimerKey, Token, Wheel};
use crate::unpark::Parking;

/// How long a backend may wait in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    Not,
    For(Duration),
    Forever,
}

pub(crate) struct Ledger {
    pub slab: Slab,
    pub wheel: Wheel,
    pub clock: Clock,
    timer_slack: Slack,
    /// Somebody has told what time it is, since the last turn.
    pub is_told: bool,
    /// How many entries of the wheel are timeouts: operations without a record.
    timeouts: usize,
    pub stats: Stats,
    pub parking: Arc<Parking>,
    /// Completions that came about outside of a turn.
    ready: Vec<Completion>,
    /// Whom the timers wake that have expired.
    pub expired: Vec<Waker>,
    /// What came due that only the backend can continue: tokens it gave to [`Ledger::call_back`].
    pub due: Vec<u64>,
    inbox: Arc<Inbox>,
    offload: crate::offload::Offload,
    /// Scratch space for what comes out of the inbox.
    results: Vec<(OpKey, io::Result<u32>)>,
}

pub(crate) fn cancelled() -> io::Error {
    io::Error::from_raw_os_error(backend::os::CANCELED)
}

impl Ledger {
    pub(crate) fn new(config: &Config, parking: Arc<Parking>) -> Ledger {
        Ledger {
            slab: Slab::new(),
            wheel: Wheel::new(config.clock.now()),
            clock: config.clock.clone(),
            timer_slack: Slack::new(config.timer_slack),
            is_told: false,
            timeouts: 0,
            stats: Stats::default(),
            inbox: Arc::new(Inbox::new(Arc::clone(&parking))),
            parking,
            ready: Vec::new(),
            expired: Vec::new(),
            due: Vec::new(),
            offload: config.offload.clone(),
            results: Vec::new(),
        }
    }

    /// Ends an operation and hands its completion over.
    pub(crate) fn complete(
        &mut self,
        key: OpKey,
        result: io::Result<u32>,
        completions: &mut Vec<Completion>,
    ) {
        if let Some(word) = self.slab.retire(key) {
            self.stats.completions += 1;
            completions.push(Completion { word, result });
        }
    }

    /// Ends an operation now; the completion comes out of the next turn.
    pub(crate) fn complete_later(&mut self, key: OpKey, result: io::Result<u32>) {
        if let Some(word) = self.slab.retire(key) {
            self.stats.completions += 1;
            self.ready.push(Completion { word, result });
        }
    }

    /// A timeout is all in the wheel: it points to nothing, and the kernel never hears of it.
    pub(crate) fn start_timeout(&mut self, deadline: Instant, word: usize) -> OpKey {
        self.timeouts += 1;
        OpKey::of_timeout(self.start(deadline, Token::Timeout(word)))
    }

    /// Starts what may end somewhat after its deadline, unless the clock stands: that one is exact.
    #[inline]
    pub(crate) fn start(&mut self, deadline: impl Into<Moment>, token: Token) -> TimerKey {
        if self.wheel.is_empty() && !self.is_told {
            self.catch_up();
        }
        let slack = if self.clock.is_stopped() { Slack::NONE } else { self.timer_slack };
        self.wheel.insert_with(slack, deadline, token)
    }

    /// No turn has moved the empty wheel, and a slack counts from where it is.
    #[cold]
    fn catch_up(&mut self) {
        self.wheel.jump(self.clock.now());
    }

    /// Moves an empty wheel, whose position then is where slacks count from.
    pub(crate) fn tell_time(&mut self, now: Moment) {
        if self.wheel.is_empty() {
            self.wheel.jump(now);
        }
        self.is_told = true;
    }

    /// Takes a timeout out of the wheel; returns its word.
    fn take_timeout(&mut self, timer: TimerKey) -> Option<usize> {
        let Token::Timeout(word) = self.wheel.cancel(timer)? else {
            unreachable!("the key of a timeout names something of the backend's");
        };
        self.timeouts -= 1;
        Some(word)
    }

    /// A timer that runs, if it still does: whom it wakes.
    pub(crate) fn waker_of(&mut self, timer: TimerKey) -> Option<&mut Waker> {
        match self.wheel.token_mut(timer)? {
            Token::Timer(waker) => Some(waker),
            Token::Timeout(_) | Token::Backend(_) => None,
        }
    }

    /// Takes a timer out of the wheel.
    #[inline]
    pub(crate) fn stop_timer(&mut self, timer: TimerKey) -> Option<Waker> {
        // Only its own key names a timer, but the type does not say so.
        match self.wheel.cancel_if(timer, |token| matches!(token, Token::Timer(_)))? {
            Token::Timer(waker) => Some(waker),
            Token::Timeout(_) | Token::Backend(_) => unreachable!("it was a timer a moment ago"),
        }
    }

    /// How many operations are in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.slab.len() + self.timeouts
    }

    /// The keys of all operations in flight.
    pub(crate) fn keys(&self) -> Vec<OpKey> {
        let timeouts = self.wheel.timeouts().into_iter().map(OpKey::of_timeout);
        timeouts.chain(self.slab.keys()).collect()
    }

    /// Forgets all timeouts: nobody will ask for their completions.
    pub(crate) fn forget_timeouts(&mut self) {
        for timer in self.wheel.timeouts() {
            self.take_timeout(timer);
        }
    }

    /// Has the backend try an operation again after a while.
    #[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
    pub(crate) fn retry_later(&mut self, key: OpKey, delay: Duration) {
        let timer = self.wheel.insert(self.clock.now() + delay, Token::Backend(key.to_bits()));
        if let Some(record) = self.slab.get(key) {
            record.state = State::Timed(timer);
        }
    }

    /// Has the backend find `token`, which is no operation's key, in `due` after a while.
    #[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
    pub(crate) fn call_back(&mut self, token: u64, delay: Duration) {
        self.wheel.insert(self.clock.now() + delay, Token::Backend(token));
    }

    /// Hands a new operation to the pool.
    ///
    /// # Safety
    ///
    /// The contract of [`Driver::submit`](crate::Driver::submit).
    pub(crate) unsafe fn offload(&mut self, op: &Op, word: usize) -> OpKey {
        let (key, _) = self.slab.insert(op, word, State::Submitted);
        // SAFETY: the same contract.
        unsafe { self.send_to_pool(key) };
        key
    }

    /// Hands an operation in flight to the pool.
    ///
    /// # Safety
    ///
    /// As for [`offload`](Ledger::offload); nobody else works on the operation.
    pub(crate) unsafe fn send_to_pool(&mut self, key: OpKey) {
        let Some(record) = self.slab.get(key) else { return };
        let job = pool::new_job();
        record.state = State::Pooled(Arc::clone(&job));
        self.stats.offloaded += 1;
        // SAFETY: what the operation points to is valid until the terminal completion, which in this state is the report,
        // or follows a withdrawal.
        unsafe { pool::send(&self.offload, &self.inbox, record.op, key, job) };
    }

    /// Cancels what needs no backend for it. `false`: the backend has to.
    pub(crate) fn cancel(&mut self, key: OpKey) -> bool {
        if let Some(timer) = key.timeout() {
            if let Some(word) = self.take_timeout(timer) {
                self.stats.cancels += 1;
                self.stats.completions += 1;
                self.ready.push(Completion { word, result: Err(cancelled()) });
            }
            return true;
        }
        let Some(record) = self.slab.get(key) else { return true };
        if record.cancelled {
            return true;
        }
        record.cancelled = true;
        self.stats.cancels += 1;
        match &record.state {
            State::Timed(timer) => {
                let timer = *timer;
                self.wheel.cancel(timer);
            }
            // If a thread has it, its result is the answer.
            State::Pooled(job) if !job.withdraw() => return true,
            State::Pooled(_) => {}
            State::Submitted | State::Polling | State::Waiting => return false,
        }
        backend::clean_up(record);
        self.complete_later(key, Err(cancelled()));
        true
    }

    /// Takes a timeout back that has not expired. `false`: it is no timeout, or its completion is on the way.
    pub(crate) fn withdraw(&mut self, key: OpKey) -> bool {
        let withdrawn = key.timeout().and_then(|timer| self.take_timeout(timer)).is_some();
        self.stats.withdrawn += u64::from(withdrawn);
        withdrawn
    }

    /// Moves over what is complete without asking the kernel.
    #[inline]
    pub(crate) fn collect(&mut self, completions: &mut Vec<Completion>) {
        if !self.ready.is_empty() {
            completions.append(&mut self.ready);
        }
        if self.inbox.is_filled() {
            self.collect_from_pool(completions);
        }
    }

    #[cold]
    fn collect_from_pool(&mut self, completions: &mut Vec<Completion>) {
        let mut results = std::mem::take(&mut self.results);
        self.inbox.drain_into(&mut results);
        for (key, result) in results.drain(..) {
            self.complete(key, result, completions);
        }
        self.results = results;
    }

    /// Ends the timeouts that are due, and notes in `due` what else is.
    #[inline]
    pub(crate) fn expire(&mut self, completions: &mut Vec<Completion>) {
        if !self.wheel.is_empty() {
            self.advance(completions);
        }
    }

    fn advance(&mut self, completions: &mut Vec<Completion>) {
        let Ledger { wheel, clock, timeouts, due, expired, stats, .. } = self;
        wheel.advance(clock.now(), |token| match token {
            Token::Timer(waker) => expired.push(waker),
            Token::Backend(token) => due.push(token),
            Token::Timeout(word) => {
                *timeouts -= 1;
                stats.completions += 1;
                completions.push(Completion { word, result: Ok(0) });
            }
        });
    }

    /// How long the kernel may keep us for `wait`, with what the timers need.
    pub(crate) fn pause(&self, wait: Wait) -> Pause {
        let end = match wait {
            Wait::Not => return Pause::Not,
            Wait::Until(deadline) => Some(deadline.saturating_duration_since(Instant::now())),
            Wait::Forever => None,
        };
        match end.into_iter().chain(self.time_to_next_timer()).min() {
            None => Pause::Forever,
            Some(Duration::ZERO) => Pause::Not,
            Some(pause) => Pause::For(pause),
        }
    }

    /// `None`: there is no timer, or the clock stands before it; whoever moves the clock unparks us.
    fn time_to_next_timer(&self) -> Option<Duration> {
        let left = self.next_timer()?.saturating_duration_since(self.clock.now());
        (left.is_zero() || !self.clock.is_stopped()).then_some(left)
    }

    /// When the next timer may be due: none is earlier.
    pub(crate) fn next_timer(&self) -> Option<Instant> {
        if self.wheel.is_empty() { None } else { self.wheel.next_deadline() }
    }
}
