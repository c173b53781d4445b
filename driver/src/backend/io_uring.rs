//! The io_uring backend: one ring, entered by the thread that made it.
//!
//! ```text
//!   submit ─► SQ ──(full)──► backlog          one enter a turn: everything queued goes in, and the wait is part of it
//!              │                │
//!              ▼                ▼
//!           io_uring_enter ◄────┘
//!              │
//!              ▼
//!             CQ ─► an operation's own completion ─► the record retires
//!                   EAGAIN, EINTR                 ─► polled or tried again: the operation is still in flight
//!                   a cancel's answer             ─► ignored, unless it says "not found" of one that is still there
//! ```
//!
//! With `DEFER_TASKRUN` the kernel does the second half of an operation only inside our own enter, and says by a flag in
//! shared memory that there is something to do. So a turn that has nothing to submit and must not wait costs two loads.

use std::io;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::{Duration, Instant};

use io_uring::{EnterFlags, IoUring, opcode, squeue, types};

use super::choose::Refusal;
use super::os::{AsRawFd, Eventfd, RawFd};
use super::{Bell, Capability, Interpreter, Started};
use crate::completion::{Completion, OpKey, Submission};
use crate::config::Config;
use crate::ledger::{Ledger, Pause};
use crate::op::Op;
use crate::slab::State;
use crate::unpark::Parking;

mod core_use;
mod entry;
mod fixed;
mod gathering;
mod lookout;
mod queue;
mod setup;
mod shared;
#[cfg(test)]
mod tests;

use core_use::CoreUse;
use fixed::Fixed;
use gathering::Gathering;
use lookout::{Lookout, SHORT};
use queue::{BELL, CANCEL, MARK, MESSAGE, Queue, RETRY_DELAY, WAKE, cancel_entry};
use setup::{Abilities, Mode};

/// So many operations in flight, of which some always are, like an accept, still look like a talk between two.
const FEW: usize = 4;
/// An enter that ends so many deferred operations may have left some: half of what it ends at most
/// (`IO_LOCAL_TW_DEFAULT_MAX`), as not each of them is an operation's end.
const MANY: usize = 10;
/// A timeout for where one is needed that must not come: the turn begins anew after it.
const FOREVER: Duration = Duration::from_secs(3600);

pub(crate) struct Ring {
    ring: ManuallyDrop<IoUring>,
    queue: Queue,
    abilities: Abilities,
    /// The kernel had no memory for requests: give it a moment instead of more.
    throttled: bool,
    gathering: Gathering,
    core: CoreUse,
    lookout: Lookout,
    fixed: Fixed,
}

impl Ring {
    /// Makes a ring in the first of `modes` that the kernel has.
    fn in_mode(config: &Config, modes: &'static [Mode]) -> Result<Started<Ring>, Refusal> {
        let bell = Bell::by_eventfd(Eventfd::new().map_err(Refusal::at("eventfd"))?);
        let (ring, abilities) = setup::set_up(config, modes)?;
        let queue = Queue::new(abilities.messages);
        let duplicate = setup::duplicate(&ring).map_err(Refusal::at("duplicating the ring's descriptor"))?;
        bell.set_mailbox(Some(Arc::new(duplicate)));
        let features = abilities.names(&ring);
        let (lookout, gathering) = (Lookout::new(), Gathering::new(abilities.gathers));
        let (ring, core) = (ManuallyDrop::new(ring), CoreUse::of_this_thread());
        let ring =
            Ring { ring, queue, abilities, throttled: false, gathering, core, lookout, fixed: Fixed::new() };
        Ok((ring, Arc::new(Parking::new(bell)), features))
    }

    /// Puts an operation into the queue.
    ///
    /// # Safety
    ///
    /// The contract of [`Driver::submit`](crate::Driver::submit).
    unsafe fn enqueue(&mut self, ledger: &mut Ledger, op: &Op, word: usize) -> OpKey {
        // SAFETY: valid by contract, or null.
        if let Some(peer) = unsafe { op.peer().as_mut() } {
            peer.clear();
        }
        let (key, record) = ledger.slab.insert(op, word, State::Submitted);
        let message = record.message();
        if let Op::RecvShared { fd, .. } = *op
            && let Some(entry) = self.queue.shared.receive(&self.ring, fd.fd())
        {
            self.push(ledger, entry.user_data(key.to_bits()));
            return key;
        }
        // SAFETY: a handle is alive by contract.
        let place = unsafe { self.fixed.place(&self.ring, op, &ledger.parking) };
        // SAFETY: the pointees are valid until the terminal completion by contract, and the record until it retires.
        let entry = unsafe { entry::build(op, message, place) };
        self.push(ledger, entry.user_data(key.to_bits()));
        key
    }

    /// Puts an entry into the submission queue; if that is full, the kernel takes what is in it, and if it takes nothing,
    /// the entry waits in memory.
    fn push(&mut self, ledger: &mut Ledger, entry: squeue::Entry) {
        if !self.queue.backlog.is_empty() || !self.try_push(&entry) {
            self.queue.backlog.push_back(entry);
            if self.queue.backlog.len() == 1 {
                self.flush(ledger);
            }
        }
    }

    /// Fills the submission queue. The last place is kept for the bell: without it nobody could wake us.
    fn try_push(&mut self, entry: &squeue::Entry) -> bool {
        let mut submissions = self.ring.submission();
        if submissions.len() + 1 >= submissions.capacity() {
            return false;
        }
        // SAFETY: what the entry points to is valid until its completion: the submitter's promise for an operation's
        // memory, and the record's address is stable until it retires.
        unsafe { submissions.push(entry) }.is_ok()
    }

    fn move_backlog(&mut self) {
        while let Some(entry) = self.queue.backlog.pop_front() {
            if !self.try_push(&entry) {
                self.queue.backlog.push_front(entry);
                return;
            }
        }
    }

    /// Has the kernel take what is in the full submission queue. What it refuses stays, and the turn deals with it.
    fn flush(&mut self, ledger: &mut Ledger) {
        let queued = self.ring.submission().len() as u32;
        // Its error, if it has one, comes again in the turn, which can wait and report.
        let _ = self.enter(ledger, queued, Pause::Not, EnterFlags::empty());
        self.move_backlog();
        ledger.stats.backlogged += self.queue.backlog.len() as u64;
    }

    fn watch_bell(&mut self, bell: RawFd) {
        let fd = types::Fd(bell);
        let entry = opcode::PollAdd::new(fd, libc::POLLIN as u32).multi(true).build().user_data(BELL);
        // SAFETY: a poll points to nothing.
        self.queue.bell_is_watched = unsafe { self.ring.submission().push(&entry) }.is_ok();
    }

    /// Kernels since 6.13 end at most 20 deferred operations in an enter, and say by the flag that there are more. Those that
    /// end while they are submitted don't count, so what is left would fall ever further behind what circulates: of a
    /// thousand connections some were seen to wait for four rounds of the others. When few are left they have only just
    /// come; they can wait for the next turn.
    fn fetch_rest(&mut self, ledger: &mut Ledger, completions: &mut Vec<Completion>) -> io::Result<()> {
        let mut brought = MANY;
        while brought >= MANY && self.ring.submission().taskrun() {
            let before = completions.len();
            self.enter(ledger, 0, Pause::Not, EnterFlags::GETEVENTS)?;
            self.reap(ledger, completions);
            brought = completions.len() - before;
        }
        Ok(())
    }

    fn submit_and_wait(&mut self, ledger: &mut Ledger, pause: Pause) -> io::Result<bool> {
        let pause = self.submit_backlog(ledger, pause)?;
        let pause = self.look_out(ledger, pause)?;
        let submissions = self.ring.submission();
        let queued = submissions.len() as u32;
        let unfinished = submissions.taskrun() || submissions.cq_overflow();
        drop(submissions);
        let sleeps = pause != Pause::Not && self.ring.completion().is_empty();
        let unparked = sleeps && !ledger.parking.fall_asleep();
        if sleeps && !unparked {
            let begun = Instant::now();
            self.core.look(begun);
            let entered = self.enter(ledger, queued, pause, EnterFlags::GETEVENTS);
            self.lookout.note_wait(begun.elapsed());
            let unparked = ledger.parking.wake_up();
            return entered.map(|()| unparked);
        }
        if queued > 0 || unfinished {
            // The kernel submits first, and then goes on with what had waited.
            let marks =
                queued > 0 && unfinished && self.try_push(&opcode::Nop::new().build().user_data(MARK));
            self.enter(ledger, queued + u32::from(marks), Pause::Not, EnterFlags::GETEVENTS)?;
        }
        Ok(unparked)
    }

    /// Waits for a moment without sleeping, if that is likely to be enough. Returns how long to wait then.
    fn look_out(&mut self, ledger: &mut Ledger, pause: Pause) -> io::Result<Pause> {
        let longest = match pause {
            Pause::Not => return Ok(pause),
            Pause::For(duration) => duration.min(SHORT),
            Pause::Forever => SHORT,
        };
        // Where many come there is something to do meanwhile, for others too: then they are gathered.
        let is_alone = !self.gathering.has_many() && ledger.slab.len() <= FEW;
        if !is_alone || !self.lookout.pays() || self.throttled || self.has_stirred() {
            return Ok(pause);
        }
        let queued = self.ring.submission().len() as u32;
        if queued > 0 {
            self.enter(ledger, queued, Pause::Not, EnterFlags::GETEVENTS)?;
            if self.has_stirred() {
                return Ok(Pause::Not);
            }
        }
        let begun = Instant::now();
        loop {
            let waited = begun.elapsed();
            let has_stirred = self.has_stirred();
            if has_stirred || waited >= longest || ledger.parking.is_notified() {
                self.lookout.note_wait(waited);
                if !has_stirred && waited >= SHORT {
                    self.lookout.give_up();
                }
                return Ok(match pause {
                    _ if has_stirred => Pause::Not,
                    Pause::For(duration) if duration <= waited => Pause::Not,
                    Pause::For(duration) => Pause::For(duration - waited),
                    pause => pause,
                });
            }
            std::hint::spin_loop();
        }
    }

    /// Whether there are completions, or the kernel has something to do for us that may become some.
    fn has_stirred(&mut self) -> bool {
        let (_, submissions, completions) = self.ring.split();
        submissions.taskrun() || submissions.cq_overflow() || !completions.is_empty()
    }

    /// Submits what does not fit into the queue at once. Nothing may wait in the kernel before all is submitted: what is
    /// waited for may depend on what is left here, such as a cancel. Returns how long to wait then.
    fn submit_backlog(&mut self, ledger: &mut Ledger, pause: Pause) -> io::Result<Pause> {
        while !self.queue.backlog.is_empty() {
            let before = self.queue.backlog.len();
            let queued = self.ring.submission().len() as u32;
            self.enter(ledger, queued, Pause::Not, EnterFlags::empty())?;
            self.move_backlog();
            if self.queue.backlog.len() == before {
                // The kernel takes no more until completions are reaped, or has no memory, for which the next enter waits.
                return Ok(if self.throttled { pause } else { Pause::Not });
            }
        }
        Ok(pause)
    }

    /// The one system call. What the kernel refuses for the moment is no error: the caller reaps, which is what the kernel
    /// waits for, and comes again.
    fn enter(&mut self, ledger: &mut Ledger, queued: u32, pause: Pause, flags: EnterFlags) -> io::Result<()> {
        let throttled = std::mem::replace(&mut self.throttled, false);
        let (queued, pause) = if throttled { throttle(pause) } else { (queued, pause) };
        ledger.stats.enters += 1;
        let submitter = self.ring.submitter();
        let flags = flags | self.abilities.wait_flags;
        let (at_least, gather) = self.gathering.plan(pause, self.core.is_wanted());
        let time = match pause {
            Pause::For(duration) => Some(types::Timespec::from(duration)),
            // Gathering without a timeout behind it would end empty-handed when its own time is over.
            Pause::Forever if gather > 0 => Some(types::Timespec::from(FOREVER)),
            Pause::Not | Pause::Forever => None,
        };
        // SAFETY: the arguments are as io_uring_enter(2) wants them: `queued` entries are in the queue, and with EXT_ARG
        // the argument is the extended one, which lives for the call with the time it points to.
        let result = unsafe {
            if let Some(time) = &time {
                let arguments = types::SubmitArgs::new().min_wait_usec(gather).timespec(time);
                submitter.enter(queued, at_least, (flags | EnterFlags::EXT_ARG).bits(), Some(&arguments))
            } else {
                submitter.enter::<libc::sigset_t>(queued, at_least, flags.bits(), None)
            }
        };
        let Err(error) = result else { return Ok(()) };
        match error.raw_os_error() {
            // The time is over, a signal came, or completions have to be reaped before more can go in.
            Some(libc::ETIME | libc::EINTR | libc::EBUSY) => Ok(()),
            Some(libc::EAGAIN | libc::ENOMEM) => {
                self.throttled = true;
                Ok(())
            }
            _ => Err(error),
        }
    }

    fn reap(&mut self, ledger: &mut Ledger, completions: &mut Vec<Completion>) {
        let Ring { ring, queue, .. } = self;
        for entry in ring.completion() {
            queue.handle(ledger, &entry, completions);
        }
    }
}

impl Interpreter for Ring {
    fn start(config: &Config) -> Result<Started<Ring>, Refusal> {
        Ring::in_mode(config, setup::MODES)
    }

    fn capability(&self, op: &Op) -> Capability {
        self.abilities.capability(op)
    }

    unsafe fn submit(&mut self, ledger: &mut Ledger, op: &Op, word: usize) -> Submission {
        // SAFETY: the same contract.
        Submission::Pending(unsafe { self.enqueue(ledger, op, word) })
    }

    #[inline]
    fn has_queued(&mut self) -> bool {
        !self.ring.submission().is_empty() || !self.queue.backlog.is_empty()
    }

    fn is_saturated(&self) -> bool {
        self.core.is_full()
    }

    #[inline]
    fn reads_cache(&mut self) -> bool {
        // With others in the queue it goes along, in the same enter.
        !self.has_queued()
    }

    fn cancel(&mut self, _ledger: &mut Ledger, key: OpKey) {
        // In order behind the operation, wherever that stands: in the queue, or in the backlog.
        self.queue.backlog.push_back(cancel_entry(key));
        self.move_backlog();
    }

    fn turn(
        &mut self,
        ledger: &mut Ledger,
        pause: Pause,
        completions: &mut Vec<Completion>,
    ) -> io::Result<bool> {
        self.queue.forget_mark();
        self.move_backlog();
        self.fixed.keep_up(&self.ring);
        if !self.queue.bell_is_watched
            && let Some(bell) = ledger.parking.bell().eventfd()
        {
            self.watch_bell(bell);
        }
        let unparked = self.submit_and_wait(ledger, pause)?;
        let before = completions.len();
        self.reap(ledger, completions);
        // Completions that did not fit come only with another enter.
        while self.ring.submission().cq_overflow() {
            ledger.stats.overflows += 1;
            self.enter(ledger, 0, Pause::Not, EnterFlags::GETEVENTS)?;
            self.reap(ledger, completions);
        }
        self.fetch_rest(ledger, completions)?;
        self.queue.put_in_order(completions, before);
        let brought = completions.len() - before;
        self.gathering.note_turn(brought);
        self.lookout.settle(brought > 0);
        Ok(unparked)
    }

    fn continue_due(&mut self, ledger: &mut Ledger, token: u64) {
        let key = OpKey::from_bits(token);
        if ledger.slab.get(key).is_none() {
            return;
        }
        if token & CANCEL != 0 {
            self.cancel(ledger, key);
        } else {
            self.queue.resubmit(ledger, key);
        }
    }

    fn can_send_messages(&self) -> bool {
        self.queue.messages_work
    }

    fn send_message(&mut self, ledger: &mut Ledger, peer: &Arc<Parking>) {
        let Some(descriptor) = peer.bell().mailbox() else { return peer.bell().ring() };
        let fd = types::Fd(descriptor.as_raw_fd());
        let number = self.queue.note_message(descriptor, Arc::clone(peer));
        let answer = OpKey::new(OpKey::RESERVED_INDEX, MESSAGE + number as u64).to_bits();
        ledger.stats.messages += 1;
        self.push(ledger, opcode::MsgRingData::new(fd, 0, WAKE, None).build().user_data(answer));
    }

    fn refuse_messages(&mut self, parking: &Parking) {
        parking.bell().set_mailbox(None);
    }

    fn leak(&mut self) {
        self.abilities.leaked = true;
        self.queue.shared.leak();
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if !self.abilities.leaked {
            // SAFETY: this is the end of `self`; nothing uses the field afterwards.
            unsafe { ManuallyDrop::drop(&mut self.ring) };
        }
    }
}

/// After a refusal for lack of memory: submit nothing, and wait at most a moment for something to end.
fn throttle(pause: Pause) -> (u32, Pause) {
    match pause {
        Pause::Not => (0, Pause::Not),
        Pause::For(duration) => (0, Pause::For(duration.min(RETRY_DELAY))),
        Pause::Forever => (0, Pause::For(RETRY_DELAY)),
    }
}
