//! What the kernel says, and what follows from it.
//!
//! ```text
//!   result of an operation     ≥ 0, or an error of its own ─► it is over
//!                              EINTR                       ─► again
//!                              EAGAIN, EINPROGRESS         ─► poll, and then again
//!                              EAGAIN of a connect         ─► again in a while
//!   "not found", "running"     as the answer to a cancel of an operation that is still there ─► cancel again in a while
//! ```

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use io_uring::{cqueue, opcode, squeue, types};

use super::entry::{self, Place};
use super::shared::{self, Shared};
use crate::backend::attempt::no_event_tells;
use crate::completion::{Completion, OpKey};
use crate::ledger::{Ledger, cancelled};
use crate::op::Op;
use crate::slab::{Record, State};
use crate::unpark::Parking;

/// Marks a cancel: the rest of the word is the key of the operation it is for.
pub(super) const CANCEL: u64 = 1 << 63;
/// The bell has rung.
pub(super) const BELL: u64 = OpKey::new(OpKey::RESERVED_INDEX, 0).to_bits();
/// Another ring has woken this one.
pub(super) const WAKE: u64 = OpKey::new(OpKey::RESERVED_INDEX, 1).to_bits();
/// Whatever ends as it is submitted has done so: what comes behind this had waited before.
pub(super) const MARK: u64 = OpKey::new(OpKey::RESERVED_INDEX, 2).to_bits();
/// The answer to a message to another ring; the number of the message is added to the generation.
pub(super) const MESSAGE: u64 = 3;

/// How long to wait before asking again for what the kernel could not do: a cancel of an operation that a kernel thread is
/// running, or what waits for [room of which no event tells](no_event_tells).
pub(super) const RETRY_DELAY: Duration = Duration::from_millis(1);

/// What is to be submitted and is not in the submission queue yet, and what the kernel will answer besides operations.
pub(super) struct Queue {
    pub backlog: VecDeque<squeue::Entry>,
    pub bell_is_watched: bool,
    /// Messages under way. The descriptor stays open, and the peer reachable by its bell, until the answer.
    messages: Vec<Option<(Arc<OwnedFd>, Arc<Parking>)>>,
    pub messages_work: bool,
    pub shared: Shared,
    /// Where the [`MARK`] came among the completions.
    mark: Option<usize>,
}

pub(super) fn cancel_entry(key: OpKey) -> squeue::Entry {
    opcode::AsyncCancel::new(key.to_bits()).build().user_data(CANCEL | key.to_bits())
}

/// What an operation's completion means.
enum Verdict {
    Over(io::Result<u32>),
    /// The descriptor is in non-blocking mode and not ready.
    Poll,
    /// Try it again now.
    Again,
    /// Try it again in a while.
    Later,
}

impl Queue {
    pub(super) fn new(messages_work: bool) -> Queue {
        Queue {
            backlog: VecDeque::with_capacity(64),
            bell_is_watched: false,
            messages: Vec::new(),
            messages_work,
            shared: Shared::Untried,
            mark: None,
        }
    }

    /// A turn begins: what the last one has left, because it failed, is no place among this one's completions.
    #[inline]
    pub(super) fn forget_mark(&mut self) {
        self.mark = None;
    }

    /// Of the completions that a turn has brought, those behind `first`, puts the ones first that had waited before it: whoever asked
    /// only now, and had not to wait, must not overtake them.
    #[inline]
    pub(super) fn put_in_order(&mut self, completions: &mut [Completion], first: usize) {
        if let Some(mark) = self.mark.take() {
            completions[first..].rotate_left(mark - first);
        }
    }

    /// Deals with one completion.
    pub(super) fn handle(
        &mut self,
        ledger: &mut Ledger,
        entry: &cqueue::Entry,
        completions: &mut Vec<Completion>,
    ) {
        let bits = entry.user_data();
        let key = OpKey::from_bits(bits);
        if bits & CANCEL != 0 {
            self.handle_cancel(ledger, key, entry.result());
        } else if key.index() == OpKey::RESERVED_INDEX {
            self.handle_own(bits, entry, completions.len());
        } else {
            self.handle_operation(ledger, key, entry, completions);
        }
    }

    /// A cancel's answer ends nothing. But if the kernel did not find the operation, or could not interrupt it, and it is
    /// still in flight, then it was between two queues or on a kernel thread: asking again is the only way to be sure.
    pub(super) fn handle_cancel(&mut self, ledger: &mut Ledger, key: OpKey, result: i32) {
        if matches!(-result, libc::ENOENT | libc::EALREADY) && ledger.slab.get(key).is_some() {
            ledger.call_back(CANCEL | key.to_bits(), RETRY_DELAY);
        }
    }

    /// What the ring submitted on its own behalf.
    fn handle_own(&mut self, bits: u64, entry: &cqueue::Entry, so_far: usize) {
        match bits {
            // Waking was all there was to it.
            WAKE => {}
            MARK => self.mark = Some(so_far),
            BELL => self.bell_is_watched = cqueue::more(entry.flags()),
            _ => {
                let number = (bits >> OpKey::INDEX_BITS) - MESSAGE;
                let message = self.messages.get_mut(number as usize).and_then(Option::take);
                if let (Some((_, peer)), true) = (message, entry.result() < 0) {
                    // It did not arrive: the bell always does.
                    peer.bell().ring();
                }
            }
        }
    }

    /// Remembers a message until its answer. Returns its number.
    pub(super) fn note_message(&mut self, descriptor: Arc<OwnedFd>, peer: Arc<Parking>) -> usize {
        let number = self.messages.iter().position(Option::is_none).unwrap_or(self.messages.len());
        if number == self.messages.len() {
            self.messages.push(None);
        }
        self.messages[number] = Some((descriptor, peer));
        number
    }

    fn handle_operation(
        &mut self,
        ledger: &mut Ledger,
        key: OpKey,
        entry: &cqueue::Entry,
        completions: &mut Vec<Completion>,
    ) {
        let result = entry.result();
        // What most of them are.
        if result >= 0
            && let Some(word) = ledger.slab.retire_submitted(key)
        {
            ledger.stats.completions += 1;
            return completions.push(Completion { word, result: Ok(result as u32) });
        }
        self.follow_up(ledger, key, entry, completions);
    }

    /// Deals with a completion that may not be the end of its operation.
    #[cold]
    fn follow_up(
        &mut self,
        ledger: &mut Ledger,
        key: OpKey,
        entry: &cqueue::Entry,
        completions: &mut Vec<Completion>,
    ) {
        let result = entry.result();
        let Some(record) = ledger.slab.get(key) else {
            debug_assert!(false, "the kernel completed an operation that is not in flight: {key:?}");
            return;
        };
        match record.op {
            _ if matches!(record.state, State::Polling) => {}
            // SAFETY: the vector is valid by the submitter's promise, and the kernel has done what it says.
            Op::RecvShared { bytes, .. } => unsafe { self.take_received(bytes, entry) },
            // SAFETY: so is the address.
            Op::RecvFrom { .. } if result >= 0 => unsafe { record.take_peer_length() },
            _ => {}
        }
        // SAFETY: what the operation points to stays valid until its record retires.
        match unsafe { judge(record, result) } {
            Verdict::Over(result) => ledger.complete(key, result, completions),
            Verdict::Again => self.resubmit(ledger, key),
            Verdict::Poll => {
                let fd = types::Fd(record.op.target().map_or(-1, |target| target.fd()));
                record.state = State::Polling;
                let entry = opcode::PollAdd::new(fd, record.op.interest().bits()).build();
                self.backlog.push_back(entry.user_data(key.to_bits()));
                ledger.stats.retries += 1;
            }
            Verdict::Later => {
                ledger.retry_later(key, RETRY_DELAY);
                ledger.stats.retries += 1;
            }
        }
    }

    /// What was received belongs into the operation's vector.
    ///
    /// # Safety
    ///
    /// The vector is valid, and the entry tells of a receive for it.
    unsafe fn take_received(&mut self, bytes: *mut Vec<u8>, entry: &cqueue::Entry) {
        let count = usize::try_from(entry.result()).unwrap_or(0);
        match cqueue::buffer_select(entry.flags()) {
            // SAFETY: valid by contract, and the operation has ended: nobody else has it.
            Some(buffer) => self.shared.empty(buffer, count, unsafe { &mut *bytes }),
            // SAFETY: by contract.
            None if count > 0 => unsafe { shared::take_up(bytes, count) },
            None => {}
        }
    }

    /// Submits an operation once more. Not straight into the queue: completions are being reaped, and it may be full.
    pub(super) fn resubmit(&mut self, ledger: &mut Ledger, key: OpKey) {
        let Some(record) = ledger.slab.get(key) else { return };
        record.state = State::Submitted;
        record.tried = true;
        let message = record.message();
        // SAFETY: the operation is in flight, so that its submitter's promise still holds, and the message stays where it
        // is until the record retires.
        let entry = unsafe { entry::build(&record.op, message, Place::default()) };
        self.backlog.push_back(entry.user_data(key.to_bits()));
    }
}

/// What an answer of the kernel means.
///
/// # Safety
///
/// What the record's operation points to is valid.
unsafe fn judge(record: &Record, result: i32) -> Verdict {
    let polled = matches!(record.state, State::Polling);
    let connects = matches!(record.op, Op::Connect { .. });
    let again = |verdict| if record.cancelled { Verdict::Over(Err(cancelled())) } else { verdict };
    match -result {
        ..=0 if polled => again(Verdict::Again),
        ..=0 => Verdict::Over(Ok(result as u32)),
        // A close that was interrupted has closed: the number may be another's by now.
        libc::EINTR if matches!(record.op, Op::Close { .. }) => Verdict::Over(Ok(0)),
        libc::EINTR => again(Verdict::Again),
        // All the shared buffers are in use: memory of its own is next.
        libc::ENOBUFS if matches!(record.op, Op::RecvShared { .. }) && !record.tried => again(Verdict::Again),
        libc::EAGAIN if record.op.refuses_to_wait() => Verdict::Over(Err(error_of(result))),
        // It polls as ready at once, which would spin.
        // SAFETY: the same contract.
        libc::EAGAIN if unsafe { no_event_tells(&record.op) } => again(Verdict::Later),
        libc::EAGAIN if record.op.target().is_some() => again(Verdict::Poll),
        libc::EINPROGRESS | libc::EALREADY if connects => again(Verdict::Poll),
        libc::EISCONN if connects && record.tried => Verdict::Over(Ok(0)),
        _ => Verdict::Over(Err(error_of(result))),
    }
}

fn error_of(result: i32) -> io::Error {
    io::Error::from_raw_os_error(-result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::RawAddress;
    use crate::handle::Target;
    use crate::op::Interest;
    use crate::slab::Slab;
    use std::net::SocketAddr;
    use std::os::unix::net as unix;

    /// What the verdict on `result` is for an operation in this state.
    fn verdict(op: Op, state: State, cancelled: bool, tried: bool, result: i32) -> &'static str {
        let mut slab = Slab::new();
        let (_, record) = slab.insert(&op, 0, state);
        (record.cancelled, record.tried) = (cancelled, tried);
        // SAFETY: the operations of these tests point to an address that lives, or are not looked into.
        match unsafe { judge(record, result) } {
            Verdict::Over(Ok(_)) => "done",
            Verdict::Over(Err(error)) if error.raw_os_error() == Some(libc::ECANCELED) => "cancelled",
            Verdict::Over(Err(_)) => "failed",
            Verdict::Poll => "poll",
            Verdict::Again => "again",
            Verdict::Later => "later",
        }
    }

    #[test]
    fn each_answer_of_the_kernel_has_one_consequence() {
        use State::{Polling, Submitted};
        let fd = Target::foreign(0);
        let poll = Op::Poll { fd, interest: Interest::READABLE };
        let connect = Op::Connect { fd, address: std::ptr::null() };
        let [internet, local] = [
            RawAddress::from(SocketAddr::from(([127, 0, 0, 1], 9))),
            RawAddress::from(&unix::SocketAddr::from_pathname("/tmp/queue").expect("it is short")),
        ];
        let send_to = |address| Op::SendTo { fd, buffer: std::ptr::null(), len: 0, address };
        let close = Op::Close { fd: 0 };
        let impatient = Op::Recv { fd, buffer: std::ptr::null_mut(), len: 0, flags: libc::MSG_DONTWAIT };
        assert_eq!(verdict(poll, Submitted, false, false, 1), "done");
        assert_eq!(verdict(poll, Submitted, true, false, 1), "done");
        assert_eq!(verdict(poll, Polling, false, false, 1), "again");
        assert_eq!(verdict(poll, Polling, true, false, 1), "cancelled");
        assert_eq!(verdict(poll, Submitted, false, false, -libc::EAGAIN), "poll");
        assert_eq!(verdict(poll, Submitted, true, false, -libc::EAGAIN), "cancelled");
        assert_eq!(verdict(impatient, Submitted, false, false, -libc::EAGAIN), "failed");
        assert_eq!(verdict(connect, Submitted, false, false, -libc::EAGAIN), "later");
        assert_eq!(verdict(send_to(&raw const local), Submitted, false, false, -libc::EAGAIN), "later");
        assert_eq!(verdict(send_to(&raw const internet), Submitted, false, false, -libc::EAGAIN), "poll");
        assert_eq!(verdict(connect, Submitted, false, false, -libc::EINPROGRESS), "poll");
        assert_eq!(verdict(connect, Submitted, false, true, -libc::EISCONN), "done");
        assert_eq!(verdict(connect, Submitted, false, false, -libc::EISCONN), "failed");
        assert_eq!(verdict(poll, Submitted, false, false, -libc::EINTR), "again");
        assert_eq!(verdict(poll, Submitted, true, false, -libc::EINTR), "cancelled");
        assert_eq!(verdict(close, Submitted, false, false, -libc::EINTR), "done");
        assert_eq!(verdict(poll, Polling, false, false, -libc::ECANCELED), "cancelled");
        assert_eq!(verdict(poll, Submitted, false, false, -libc::EBADF), "failed");
    }
}
