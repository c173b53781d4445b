//! How long a connection is waited for: what it is doing, and until when it may go on.
//!
//! ```text
//!              bytes                 the head is whole
//!   Opening ───────────► Head ──────────────────────────┐
//!                         ▲                             ▼
//!                         │ bytes           requests being answered
//!                         │ (HTTP/1)                    │ all responses are handed over
//!                         └──────────── Idle ◄──────────┘
//!                                        │ for too long
//!                                        ▼
//!                                     Closing
//! ```
//!
//! In `Opening`, which has the TLS handshake in it, and in `Head` the whole time is limited: a client that sends a byte
//! now and then gains nothing. While a request is looked up, the server waits for its own disk and blames nobody. While a
//! response is sent, the client has to take some of it in each period. In `Idle` the connection is asked to close, which
//! tells an HTTP/2 client that its next request will not be answered; in `Closing` it has little time to do so.
//!
//! HTTP/2 has no `Head`: other frames than those of a request come at any time. What begins a request there and doesn't end
//! it is idle.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use fibra::time::{Sleep, sleep_until};

/// What a client has to take of a response in each period. Little enough for any line that one would wait for, and more
/// than the answers to a client's pings.
const PROGRESS: usize = 4096;
/// How long a connection that is asked to close may take to begin with it.
const CLOSING: Duration = Duration::from_secs(5);
/// How long the other side may go on speaking once this one has closed.
const LISTENING: Duration = Duration::from_secs(30);

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the whole head of a request, from the connection or its first byte on.
    pub head: Duration,
    /// For the next request.
    pub idle: Duration,
    /// For the client to take a bit more of a response.
    pub write: Duration,
}

/// Why a connection is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// The request, or the handshake before it, has taken too long.
    Head,
    /// The client takes nothing of its response.
    Response,
    /// The connection was to be closed, and the client doesn't do its part.
    Closing,
}

/// The state of one connection, which its stream, its requests and the future that watches it share.
pub struct Patience {
    limits: Limits,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// While there are requests, they count, and not the phase.
    looking_up: usize,
    sending: usize,
    /// Since when the client has taken how little.
    since: Instant,
    taken: usize,
    has_heads: bool,
    /// A request's body that nobody reads may still be coming.
    body_unread: bool,
    /// The connection's task, where requests have tasks of their own: the end of one must be noticed there.
    watcher: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening { until: Instant },
    Head { until: Instant },
    Idle { until: Instant },
    Closing { until: Instant },
}

impl Patience {
    /// For a connection that has just been accepted.
    pub fn new(limits: Limits) -> Arc<Patience> {
        let now = Instant::now();
        let state = State {
            phase: Phase::Opening { until: now + limits.head },
            looking_up: 0,
            sending: 0,
            since: now,
            taken: 0,
            has_heads: true,
            body_unread: false,
            watcher: None,
        };
        Arc::new(Patience { limits, state: Mutex::new(state) })
    }

    /// Bytes have come, or the end of them.
    pub fn received(&self) {
        let mut state = self.state();
        if state.has_heads && matches!(state.phase, Phase::Opening { .. } | Phase::Idle { .. }) {
            state.phase = Phase::Head { until: Instant::now() + self.limits.head };
        }
    }

    /// The client has taken this many bytes, or the system for it.
    pub fn written(&self, count: usize) {
        let mut state = self.state();
        state.taken = state.taken.saturating_add(count);
        if state.taken >= PROGRESS {
            (state.taken, state.since) = (0, Instant::now());
        }
        // The end of a response is still on its way when its body is done with.
        match &mut state.phase {
            Phase::Idle { until } => *until = Instant::now() + self.limits.idle,
            Phase::Closing { until } => *until = Instant::now() + CLOSING,
            Phase::Opening { .. } | Phase::Head { .. } => (),
        }
    }

    /// The connection turns out to speak HTTP/2.
    pub fn speaks_http2(&self) {
        let mut state = self.state();
        state.has_heads = false;
        state.phase = Phase::Idle { until: Instant::now() + self.limits.idle };
    }

    /// A request has come; it is under way until the exchange is dropped.
    pub fn request(self: &Arc<Self>, has_body: bool) -> Exchange {
        let mut state = self.state();
        state.looking_up += 1;
        state.body_unread = has_body;
        Exchange { patience: Arc::clone(self), is_sending: false }
    }

    /// This side of the connection is closed. Whether the client may be in the middle of saying something: a head or a body
    /// that was refused, or one of the frames that HTTP/2 sends at any time.
    pub fn begin_to_close(&self) -> bool {
        let mut state = self.state();
        let is_speaking = !state.has_heads || state.body_unread || matches!(state.phase, Phase::Head { .. });
        state.phase = Phase::Closing { until: Instant::now() + LISTENING };
        is_speaking
    }

    /// Completes when the connection has been idle for too long, and should be closed. To be polled after the connection.
    pub fn idle(&self) -> impl Future<Output = ()> + '_ {
        let mut idle = Watch::new(self, State::idle_until);
        std::future::poll_fn(move |cx| {
            ready!(idle.poll(cx));
            self.state().phase = Phase::Closing { until: Instant::now() + CLOSING };
            Poll::Ready(())
        })
    }

    /// Completes when the connection should be given up. To be polled after the connection.
    pub fn late(&self) -> impl Future<Output = Late> + '_ {
        let mut late = Watch::new(self, |state| state.late_at(self.limits.write));
        std::future::poll_fn(move |cx| {
            ready!(late.poll(cx));
            Poll::Ready(self.state().reason())
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn idle_until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Idle { until } if self.looking_up + self.sending == 0 => Some(until),
            _ => None,
        }
    }

    fn late_at(&self, write: Duration) -> Option<Instant> {
        match self.phase {
            Phase::Closing { until } if self.looking_up + self.sending == 0 => Some(until),
            _ if self.looking_up > 0 => None,
            _ if self.sending > 0 => Some(self.since + write),
            Phase::Opening { until } | Phase::Head { until } => Some(until),
            Phase::Idle { .. } | Phase::Closing { .. } => None,
        }
    }

    fn reason(&self) -> Late {
        match self.phase {
            _ if self.sending > 0 => Late::Response,
            Phase::Closing { .. } | Phase::Idle { .. } => Late::Closing,
            Phase::Opening { .. } | Phase::Head { .. } => Late::Head,
        }
    }
}

/// A request under way.
#[must_use = "the request is under way for as long as its exchange exists"]
pub struct Exchange {
    patience: Arc<Patience>,
    is_sending: bool,
}

impl Exchange {
    /// The response is there: now it is the client's turn to take it.
    pub fn answered(&mut self) {
        self.is_sending = true;
        let mut state = self.patience.state();
        state.looking_up -= 1;
        // Where others are being sent already, a new one gives them no more time.
        if state.sending == 0 {
            (state.since, state.taken) = (Instant::now(), 0);
        }
        state.sending += 1;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let watcher = {
            let mut state = self.patience.state();
            if self.is_sending {
                state.sending -= 1;
            } else {
                state.looking_up -= 1;
            }
            if state.looking_up + state.sending > 0 {
                return;
            }
            let now = Instant::now();
            state.phase = match state.phase {
                Phase::Closing { .. } => Phase::Closing { until: now + CLOSING },
                _ => Phase::Idle { until: now + self.patience.limits.idle },
            };
            state.watcher.take()
        };
        if let Some(watcher) = watcher {
            watcher.wake();
        }
    }
}

/// A timer that follows a moment which moves while one waits for it.
struct Watch<'a, F> {
    patience: &'a Patience,
    moment: F,
    sleep: Option<Sleep>,
}

impl<'a, F: Fn(&State) -> Option<Instant>> Watch<'a, F> {
    fn new(patience: &'a Patience, moment: F) -> Watch<'a, F> {
        Watch { patience, moment, sleep: None }
    }

    /// The moment as it is now. If it may change while nobody polls the connection, `waker` will be told.
    fn look(&self, waker: &Waker) -> Option<Instant> {
        let mut state = self.patience.state();
        let is_known = state.watcher.as_ref().is_some_and(|watcher| watcher.will_wake(waker));
        let replaced = if state.has_heads || is_known { None } else { state.watcher.replace(waker.clone()) };
        let moment = (self.moment)(&state);
        drop(state);
        // Outside the lock: it may be its task's last waker.
        drop(replaced);
        moment
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Where there is nothing to wait for, the timer stays as it is: the next moment is probably a later one, and
            // that costs nothing.
            let Some(moment) = self.look(cx.waker()) else { return Poll::Pending };
            let sleep = self.sleep.get_or_insert_with(|| sleep_until(moment));
            if sleep.deadline() != moment {
                sleep.reset(moment);
            }
            ready!(Pin::new(sleep).poll(cx));
            if (self.moment)(&self.patience.state()).is_some_and(|now| now <= moment) {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
