//! The epoll backend: readiness made into completions.
//!
//! A handle is registered at its first would-block and stays so, edge-triggered: from then on, waiting costs no system call
//! of its own. That loses no edge, because an operation is tried *before* it waits, unless what the events have told so far
//! [rules it out](super::edges), and only this thread takes the events. A foreign descriptor, whose close nobody would tell us about, is registered for one event at a time and taken
//! out as soon as nobody waits for it.

use std::io;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use super::attempt::{Attempt, attempt, clean_up};
use super::choose::Refusal;
use super::edges::{BORDERS, came_short, follows_edges, is_tcp};
use super::os::{self, AsRawFd, FromRawFd, OwnedFd, RawFd};
use super::registrations::Poller;
use super::system_calls::{self, timespec};
use super::waiters::{Waiters, covers};
use super::{Bell, Capability, Interpreter, Started};
use crate::completion::{Completion, OpKey, Submission};
use crate::config::Config;
use crate::handle::{Handle, Target};
use crate::ledger::{Ledger, Pause, cancelled};
use crate::op::{Interest, Op};
use crate::slab::State;
use crate::unpark::Parking;

/// The bell's token; no descriptor has number −1.
const BELL: u64 = u64::MAX;
/// How many events are taken at once. More come with the next turn.
const EVENTS: usize = 512;
/// How long to wait before trying again what no event announces.
const RETRY_DELAY: Duration = Duration::from_millis(1);

pub(crate) struct Epoll {
    poller: Arc<Poller>,
    waiters: Waiters,
    events: Vec<libc::epoll_event>,
    /// Whether the kernel waits to the nanosecond (`epoll_pwait2`, Linux 5.11).
    precise: bool,
    /// Scratch space: whom an event concerns.
    concerned: Vec<OpKey>,
}

impl Epoll {
    fn new() -> Result<Started<Epoll>, Refusal> {
        let bell = Bell::eventfd().map_err(Refusal::at("eventfd"))?;
        // SAFETY: takes no pointers.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(Refusal::at("epoll_create1")(io::Error::last_os_error()));
        }
        // SAFETY: the descriptor is new, and nobody else's.
        let poller = Arc::new(Poller::new(unsafe { OwnedFd::from_raw_fd(fd) }));
        let edges = (libc::EPOLLIN | libc::EPOLLET) as u32;
        poller
            .control(libc::EPOLL_CTL_ADD, bell.as_raw_fd(), edges, BELL)
            .map_err(Refusal::at("watching the bell by epoll_ctl"))?;
        let mut epoll = Epoll {
            poller,
            waiters: Waiters::default(),
            events: Vec::with_capacity(EVENTS),
            precise: true,
            concerned: Vec::new(),
        };
        // Whether it is there is asked by a call: a filter may forbid what the kernel has.
        epoll.precise = epoll.wait(Pause::Not).is_ok();
        epoll.wait(Pause::Not).map_err(Refusal::at("epoll_wait"))?;
        let features = if epoll.precise { vec!["epoll_pwait2"] } else { vec![] };
        Ok((epoll, Arc::new(Parking::new(bell)), features))
    }

    /// Tries an operation, and has it wait for whatever it has to wait for. Returns its result if it is over. `events` are
    /// what has just been told of its descriptor.
    fn try_again(&mut self, ledger: &mut Ledger, key: OpKey, events: u32) -> Option<io::Result<u32>> {
        let record = ledger.slab.get(key)?;
        let op = record.op;
        // SAFETY: the operation is in flight: its submitter's promise holds.
        let attempt = match unsafe { self.foresee(&op, events) } {
            Some(foreseen) => foreseen,
            // SAFETY: as above.
            None => unsafe { attempt(record, os::MANNER) },
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
    /// As for [`foresee`](Epoll::foresee).
    unsafe fn learn(&mut self, op: &Op, finds_nothing: bool, result: &Option<io::Result<u32>>) {
        let Some(target) = op.target() else { return };
        // SAFETY: the same contract.
        let Some(edges) = (unsafe { self.waiters.edges(target, op.interest()) }) else { return };
        // SAFETY: the same contract.
        unsafe {
            match *result {
                None if finds_nothing && follows_edges(op) => edges.found_nothing(op),
                Some(Ok(count)) if came_short(op, count) && follows_edges(op) => edges.received_short(),
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
            // What epoll does not watch, or has no memory for now, is asked again and again.
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

    /// Has the kernel watch a descriptor for all who wait for it.
    fn watch(&mut self, ledger: &mut Ledger, fd: RawFd, interest: Interest) -> io::Result<()> {
        let place = self.waiters.place(fd);
        let (wanted, mode) = if place.is_lasting() {
            if covers(place.registered, interest) {
                return Ok(());
            }
            (place.registered | place.wanted(&mut ledger.slab), libc::EPOLLET as u32 | BORDERS)
        } else {
            (place.wanted(&mut ledger.slab), libc::EPOLLONESHOT as u32)
        };
        if let (Some(owner), 0) = (place.owner(), place.registered) {
            owner.add(&self.poller);
        }
        let token = u64::from(place.generation) << 32 | fd as u64;
        let is_new = place.registered == 0;
        control(&self.poller, is_new, fd, wanted | mode, token)?;
        place.registered = wanted;
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
            place.forget();
            // It fails if the descriptor was closed meanwhile, and then it is out already.
            let _ = self.poller.control(libc::EPOLL_CTL_DEL, target.fd(), 0, 0);
        }
    }

    /// Tries again whom an event concerns.
    fn handle(&mut self, ledger: &mut Ledger, token: u64, events: u32, completions: &mut Vec<Completion>) {
        let (fd, generation) = (token as u32 as RawFd, (token >> 32) as u32);
        let mut concerned = std::mem::take(&mut self.concerned);
        if let Some(place) = self.waiters.find(fd, generation) {
            place.edges.tell(events);
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
            let mut stranded = Vec::new();
            self.waiters.place(fd).collect(&mut ledger.slab, u32::MAX, &mut stranded);
            for key in stranded {
                self.stop_waiting(ledger, key);
                ledger.retry_later(key, RETRY_DELAY);
            }
        }
    }

    /// Fills `events`.
    fn wait(&mut self, pause: Pause) -> io::Result<()> {
        self.events.clear();
        let time = match pause {
            Pause::Not => Some(timespec(Duration::ZERO)),
            Pause::For(duration) => Some(timespec(duration)),
            Pause::Forever => None,
        };
        let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
        let fd = self.poller.as_raw_fd();
        let buffer = self.events.as_mut_ptr();
        let count = if self.precise {
            // SAFETY: the buffer has room for that many events, the time lives for the call, there is no signal mask.
            unsafe {
                let no_mask = ptr::null::<libc::sigset_t>();
                libc::syscall(libc::SYS_epoll_pwait2, fd, buffer, EVENTS, time, no_mask, 8usize) as i32
            }
        } else {
            // An epoll instance can itself be polled, and that to the nanosecond.
            if pause != Pause::Not {
                let pause = if let Pause::For(duration) = pause { Some(duration) } else { None };
                // Whether it is ready or not, or a signal came, the call below finds out.
                let _ = system_calls::poll(fd, Interest::READABLE, pause);
            }
            // SAFETY: the buffer has room for that many events.
            unsafe { libc::epoll_wait(fd, buffer, EVENTS as i32, 0) }
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.raw_os_error() == Some(libc::EINTR) { Ok(()) } else { Err(error) };
        }
        // SAFETY: the kernel has filled that many, and they fit.
        unsafe { self.events.set_len(count as usize) };
        Ok(())
    }
}

impl Interpreter for Epoll {
    fn start(_: &Config) -> Result<Started<Epoll>, Refusal> {
        Epoll::new()
    }

    fn capability(&self, op: &Op) -> Capability {
        match op {
            // There is no readiness of disks. A close goes to the pool only where it may block.
            Op::Open { .. } | Op::Statx { .. } | Op::Sync { .. } => Capability::Pool,
            Op::Shutdown { .. } | Op::Close { .. } => Capability::Native,
            // Reads and writes: of a stream by readiness; of a file from the page cache, or by the pool; without the page
            // cache by the pool.
            _ => Capability::Emulated,
        }
    }

    #[inline]
    fn reads_cache(&mut self) -> bool {
        true
    }

    unsafe fn submit(&mut self, ledger: &mut Ledger, op: &Op, word: usize) -> Submission {
        if let Op::Accept { address, .. } = *op
            && !address.is_null()
        {
            // SAFETY: valid by contract.
            unsafe { (*address).clear() };
        }
        let key = ledger.slab.insert(op, word, State::Submitted);
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
        if !sleeps && self.waiters.count() == 0 {
            return Ok(unparked);
        }
        ledger.stats.enters += 1;
        let waited = self.wait(if sleeps { pause } else { Pause::Not });
        if sleeps {
            unparked = ledger.parking.wake_up();
        }
        waited?;
        for index in 0..self.events.len() {
            let libc::epoll_event { events, u64: token } = self.events[index];
            if token != BELL {
                self.handle(ledger, token, events, completions);
            }
        }
        Ok(unparked)
    }
}

/// Registers a descriptor, or changes its registration. What the table believes may be behind the times: the number may
/// have been closed, or still be known from an earlier life.
fn control(poller: &Poller, is_new: bool, fd: RawFd, events: u32, token: u64) -> io::Result<()> {
    let (first, second) = if is_new {
        (libc::EPOLL_CTL_ADD, libc::EPOLL_CTL_MOD)
    } else {
        (libc::EPOLL_CTL_MOD, libc::EPOLL_CTL_ADD)
    };
    match poller.control(first, fd, events, token) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::EEXIST | libc::ENOENT)) => {
            poller.control(second, fd, events, token)
        }
        result => result,
    }
}
