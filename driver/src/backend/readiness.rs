//! Readiness made into completions: what every system's own way of telling that descriptors are ready has in common.
//!
//! ```text
//!   operation ─► tried ─► over                           most often
//!                  │ "not now"
//!                  ▼
//!            its descriptor's list ◄─── the poller watches the descriptor
//!                  │ an event
//!                  ▼
//!            tried again ─► over, or back into the list
//! ```
//!
//! A handle is registered at its first would-block and stays so, edge-triggered: from then on, waiting costs no system call
//! of its own. That loses no edge, because an operation is tried *before* it waits, unless what the events have told so far
//! [rules it out](super::edges), and only this thread takes the events. A foreign descriptor, whose close nobody would
//! tell us about, is registered for one event at a time and taken out as soon as nobody waits for it.
//!
//! Trying is in [`attempt`](super::attempt), the lists are in [`waiters`](super::waiters), and what a handle knows of those
//! who watch it is in [`registrations`](super::registrations). A system adds its [`Poller`].

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::attempt::{Attempt, Manner, attempt, clean_up};
use super::choose::Refusal;
use super::edges::{came_short, follows_edges, is_tcp};
use super::os::RawFd;
use super::registrations::Watcher;
use super::waiters::{Waiters, covers};
use super::{Capability, Interpreter, Started};
use crate::completion::{Completion, OpKey, Submission};
use crate::config::Config;
use crate::handle::{Handle, Target};
use crate::ledger::{Ledger, Pause, cancelled};
use crate::op::{Interest, Op};
use crate::slab::State;

/// How many events are taken at once. More come with the next turn.
pub(super) const EVENTS: usize = 512;
/// How long to wait before trying again what no event announces.
const RETRY_DELAY: Duration = Duration::from_millis(1);

/// What a system has for telling that descriptors are ready. Events are in poll(2)'s bits, with
/// [`PEER_CLOSED`](super::os::PEER_CLOSED) beside them.
pub(crate) trait Poller: Sized {
    /// How operations are kept from waiting.
    const MANNER: Manner;
    /// Whether what an event has told can prove that a short receive has emptied the socket: whether the events of a lasting
    /// registration tell of [borders](super::edges::BORDERS).
    const TELLS_BORDERS: bool;
    /// Whether an event ends the registration of a foreign descriptor for what it tells. Else that is only asleep.
    const ENDS_AFTER_EVENT: bool;

    fn start() -> Result<Started<Self>, Refusal>;

    /// What takes a descriptor out from other threads.
    fn watcher(&self) -> Arc<dyn Watcher>;

    /// Has the system watch a descriptor, from the next [`wait`](Poller::wait) on at the latest.
    fn watch(&mut self, watch: &Watch) -> io::Result<()>;

    /// Leaves a foreign descriptor alone, that was watched for `registered`, from the next wait on at the latest. It may be
    /// closed by now.
    fn let_go(&mut self, fd: RawFd, registered: u32);

    /// Whether the system has not heard yet of something that was to be watched or let go.
    fn has_changes(&self) -> bool {
        false
    }

    /// Waits for events, and takes them. A signal ends it without any.
    fn wait(&mut self, pause: Pause) -> io::Result<()>;

    /// How many events the last wait has brought.
    fn count(&self) -> usize;

    /// One of them.
    fn told(&self, index: usize) -> Told;
}

/// What is to be watched.
#[derive(Debug)]
pub(crate) struct Watch {
    pub fd: RawFd,
    /// What comes back with the event.
    pub token: u64,
    /// What it is watched for already in this way; 0 if it is not.
    pub before: u32,
    /// What it is watched for in the other way: for one event, when it is to be watched for good.
    pub passing: u32,
    pub wanted: u32,
    /// Whether for good and by edges, or for one event.
    pub lasting: bool,
}

/// What an event tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing of a descriptor: the bell has rung.
    Nothing,
    Ready {
        token: u64,
        events: u32,
    },
    /// The system does not watch the descriptor for `events`, as it was asked to.
    #[allow(dead_code, reason = "epoll refuses at once")]
    Refused {
        token: u64,
        events: u32,
    },
}

fn token_of(fd: RawFd, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(fd as u32)
}

fn parts_of(token: u64) -> (RawFd, u32) {
    (token as u32 as RawFd, (token >> 32) as u32)
}

/// The backend of a system with this poller.
pub(crate) struct Readiness<P> {
    poller: P,
    waiters: Waiters,
    /// Scratch space: whom an event concerns.
    concerned: Vec<OpKey>,
}

impl<P: Poller> Readiness<P> {
    /// Tries an operation, and has it wait for whatever it has to wait for. Returns its result if it is over. `events` are
    /// what has just been told of its descriptor.
    fn try_again(&mut self, ledger: &mut Ledger, key: OpKey, events: u32) -> Option<io::Result<u32>> {
        let record = ledger.slab.get(key)?;
        let op = record.op;
        // SAFETY: the operation is in flight: its submitter's promise holds.
        let attempt = match unsafe { self.foresee(&op, events) } {
            Some(foreseen) => foreseen,
            // SAFETY: as above.
            None => unsafe { attempt(record, P::MANNER) },
        };
        let finds_nothing = matches!(attempt, Attempt::Wait(_));
        let result = self.follow(ledger, key, attempt);
        // SAFETY: as above: that the operation is over, its submitter hears only after this.
        unsafe { self.learn(&op, finds_nothing, &result) };
        result
    }

    /// What comes of an operation, if that is known without trying it.
    ///
    /// # Safety
    ///
    /// What the operation points to is valid, and so is its handle.
    unsafe fn foresee(&mut self, op: &Op, events: u32) -> Option<Attempt> {
        let interest = op.interest();
        // SAFETY: the same contract.
        let edges = unsafe { self.waiters.edges(op.target()?, interest) }?;
        let left = edges.left(events, interest);
        if let (Op::Poll { .. }, 1..) = (op, left) {
            return Some(Attempt::Over(Ok(left)));
        }
        // SAFETY: the same contract.
        (edges.rule_out(interest) && unsafe { follows_edges(op) }).then_some(Attempt::Wait(interest))
    }

    /// Notes what an operation tells of its descriptor's readiness. If it waits, then after its descriptor is registered:
    /// what comes from then on gives an event.
    ///
    /// # Safety
    ///
    /// As for [`foresee`](Readiness::foresee).
    unsafe fn learn(&mut self, op: &Op, finds_nothing: bool, result: &Option<io::Result<u32>>) {
        let Some(target) = op.target() else { return };
        // SAFETY: the same contract.
        let Some(edges) = (unsafe { self.waiters.edges(target, op.interest()) }) else { return };
        // SAFETY: the same contract.
        unsafe {
            match *result {
                None if finds_nothing && follows_edges(op) => edges.found_nothing(op),
                Some(Ok(count)) if P::TELLS_BORDERS && came_short(op, count) && follows_edges(op) => {
                    edges.received_short();
                }
                _ => {}
            }
        }
    }

    /// Has an operation do what its attempt says. Returns its result if it is over.
    fn follow(&mut self, ledger: &mut Ledger, key: OpKey, attempt: Attempt) -> Option<io::Result<u32>> {
        let record = ledger.slab.get(key)?;
        let waits = matches!(record.state, State::Waiting);
        let target = record.op.target();
        match (attempt, target) {
            (Attempt::Wait(_), _) if waits => None,
            (Attempt::Wait(interest), Some(target)) => self.start_waiting(ledger, key, target, interest),
            (Attempt::Over(result), _) => {
                clean_up(record);
                self.stop_waiting(ledger, key);
                Some(result)
            }
            (Attempt::Pool, _) => {
                self.stop_waiting(ledger, key);
                // SAFETY: the operation is in flight: its submitter's promise holds.
                unsafe { ledger.send_to_pool(key) };
                None
            }
            (Attempt::Later | Attempt::Wait(_), _) => {
                self.stop_waiting(ledger, key);
                ledger.retry_later(key, RETRY_DELAY);
                None
            }
        }
    }

    /// Puts an operation into its descriptor's list, and has the kernel watch that. Returns the error if it cannot.
    fn start_waiting(
        &mut self,
        ledger: &mut Ledger,
        key: OpKey,
        target: Target,
        interest: Interest,
    ) -> Option<io::Result<u32>> {
        ledger.stats.retries += 1;
        // SAFETY: the operation is in flight, so that its handle is alive.
        unsafe { self.waiters.admit(target) };
        self.waiters.push(&mut ledger.slab, target.fd(), key);
        if let Some(record) = ledger.slab.get(key) {
            record.state = State::Waiting;
        }
        let Err(error) = self.watch(ledger, target.fd(), interest) else { return None };
        self.stop_waiting(ledger, key);
        match error.raw_os_error() {
            // What the system does not watch, or has no memory for now, is asked again and again.
            Some(libc::EPERM | libc::ENOMEM | libc::ENOSPC) => {
                ledger.retry_later(key, RETRY_DELAY);
                None
            }
            _ => {
                if let Some(record) = ledger.slab.get(key) {
                    clean_up(record);
                }
                Some(Err(error))
            }
        }
    }

    /// Has the system watch a descriptor for all who wait for it.
    fn watch(&mut self, ledger: &mut Ledger, fd: RawFd, interest: Interest) -> io::Result<()> {
        let place = self.waiters.place(fd);
        let lasting = place.is_lasting();
        if lasting && covers(place.registered, interest) {
            return Ok(());
        }
        let kept = if lasting { place.registered } else { 0 };
        let wanted = kept | place.wanted(&mut ledger.slab);
        if let (Some(owner), 0) = (place.owner(), place.registered) {
            owner.add(&self.poller.watcher());
        }
        let token = token_of(fd, place.generation);
        let (before, passing) = (place.registered, place.passing);
        self.poller.watch(&Watch { fd, token, before, passing, wanted, lasting })?;
        (place.registered, place.passing) = (wanted, 0);
        Ok(())
    }

    /// Takes an operation out of its descriptor's list, if it is in it. A foreign descriptor for which nobody waits any
    /// more is left alone from then on.
    fn stop_waiting(&mut self, ledger: &mut Ledger, key: OpKey) {
        let Some(record) = ledger.slab.get(key) else { return };
        let (State::Waiting, Some(target)) = (&record.state, record.op.target()) else { return };
        record.state = State::Submitted;
        self.waiters.remove(&mut ledger.slab, target.fd(), key);
        let place = self.waiters.place(target.fd());
        if place.is_empty() && !place.is_lasting() {
            let registered = place.registered;
            place.forget();
            self.poller.let_go(target.fd(), registered);
        }
    }

    /// Tries again whom an event concerns.
    fn handle(&mut self, ledger: &mut Ledger, token: u64, events: u32, completions: &mut Vec<Completion>) {
        let (fd, generation) = parts_of(token);
        let mut concerned = std::mem::take(&mut self.concerned);
        if let Some(place) = self.waiters.find(fd, generation) {
            place.edges.tell(events);
            if P::ENDS_AFTER_EVENT && !place.is_lasting() {
                place.registered &= !events;
            }
            place.collect(&mut ledger.slab, events, &mut concerned);
        }
        for key in concerned.drain(..) {
            if let Some(result) = self.try_again(ledger, key, events) {
                ledger.complete(key, result, completions);
            }
        }
        self.concerned = concerned;
        self.rearm(ledger, fd, generation);
    }

    /// A foreign descriptor gives one event at a time: asks for the next, if somebody still waits.
    fn rearm(&mut self, ledger: &mut Ledger, fd: RawFd, generation: u32) {
        let Some(place) = self.waiters.find(fd, generation) else { return };
        if place.is_lasting() || place.is_empty() {
            return;
        }
        if self.watch(ledger, fd, Interest::from_bits(0)).is_err() {
            self.strand(ledger, fd, u32::MAX);
        }
    }

    /// The system does not watch a descriptor as it was asked to: who waits for it there asks again and again.
    fn refuse(&mut self, ledger: &mut Ledger, token: u64, events: u32) {
        let (fd, generation) = parts_of(token);
        if let Some(place) = self.waiters.find(fd, generation) {
            place.registered &= !events;
            self.strand(ledger, fd, events);
        }
    }

    /// Has those who wait for `events` of a descriptor be tried again after a while.
    fn strand(&mut self, ledger: &mut Ledger, fd: RawFd, events: u32) {
        let mut stranded = Vec::new();
        self.waiters.place(fd).collect(&mut ledger.slab, events, &mut stranded);
        for key in stranded {
            self.stop_waiting(ledger, key);
            ledger.retry_later(key, RETRY_DELAY);
        }
    }
}

impl<P: Poller> Interpreter for Readiness<P> {
    fn start(_: &Config) -> Result<Started<Self>, Refusal> {
        let (poller, parking, features) = P::start()?;
        let backend = Readiness { poller, waiters: Waiters::default(), concerned: Vec::new() };
        Ok((backend, parking, features))
    }

    fn capability(&self, op: &Op) -> Capability {
        match op {
            // There is no readiness of disks. A close goes to the pool only where it may block.
            Op::Open { .. } | Op::Statx { .. } | Op::Sync { .. } => Capability::Pool,
            Op::Shutdown { .. } | Op::Close { .. } => Capability::Native,
            Op::SendFile { .. } | Op::AcceptPipe { .. } => Capability::Unsupported,
            // Reads and writes: of a stream by readiness; of a file from the page cache, or by the pool; without the page
            // cache by the pool.
            _ => Capability::Emulated,
        }
    }

    #[inline]
    fn reads_cache(&mut self) -> bool {
        P::MANNER == Manner::Flags
    }

    unsafe fn submit(&mut self, ledger: &mut Ledger, op: &Op, word: usize) -> Submission {
        // SAFETY: valid by contract, or null.
        if let Some(peer) = unsafe { op.peer().as_mut() } {
            peer.clear();
        }
        let (key, _) = ledger.slab.insert(op, word, State::Submitted);
        match self.try_again(ledger, key, 0) {
            Some(result) => {
                ledger.slab.retire(key);
                Submission::Complete(result)
            }
            None => Submission::Pending(key),
        }
    }

    fn cancel(&mut self, ledger: &mut Ledger, key: OpKey) {
        self.stop_waiting(ledger, key);
        if let Some(record) = ledger.slab.get(key) {
            clean_up(record);
        }
        ledger.complete_later(key, Err(cancelled()));
    }

    fn continue_due(&mut self, ledger: &mut Ledger, token: u64) {
        let key = OpKey::from_bits(token);
        if let Some(result) = self.try_again(ledger, key, 0) {
            ledger.complete_later(key, result);
        }
    }

    // That was just now, so that all which came since is still to be told.
    fn note_emptied(&mut self, socket: &Handle) {
        if !P::TELLS_BORDERS {
            return;
        }
        let target = socket.target();
        // SAFETY: the handle is borrowed.
        if let Some(edges) = unsafe { self.waiters.edges(target, Interest::READABLE) }
            // SAFETY: as above.
            && unsafe { is_tcp(target) }
        {
            edges.received_short();
        }
    }

    fn turn(
        &mut self,
        ledger: &mut Ledger,
        pause: Pause,
        completions: &mut Vec<Completion>,
    ) -> io::Result<bool> {
        let sleeps = pause != Pause::Not && ledger.parking.fall_asleep();
        let mut unparked = pause != Pause::Not && !sleeps;
        if !sleeps && self.waiters.count() == 0 && !self.poller.has_changes() {
            return Ok(unparked);
        }
        ledger.stats.enters += 1;
        let waited = self.poller.wait(if sleeps { pause } else { Pause::Not });
        if sleeps {
            unparked = ledger.parking.wake_up();
        }
        waited?;
        for index in 0..self.poller.count() {
            match self.poller.told(index) {
                Told::Nothing => {}
                Told::Ready { token, events } => self.handle(ledger, token, events, completions),
                Told::Refused { token, events } => self.refuse(ledger, token, events),
            }
        }
        Ok(unparked)
    }
}
