//! Operations for systems that only tell when a descriptor is ready: try, wait, try again.
//!
//! An operation is first tried as it is. Most often that is the end of it, and nobody had to be asked about readiness. If
//! the call would block, the operation waits in its descriptor's list for an event, and is then tried again: an event is
//! a hint, the call is the truth. This half is the same for each system; the lists are in [`waiters`](super::waiters).

use std::io;

use super::os::{self, RawFd};
use super::registrations::Kind;
use super::system_calls::{self, Mode, call};
use crate::address::RawAddress;
use crate::handle::Target;
use crate::op::{Interest, Op};
use crate::slab::Record;

/// How an operation that is tried is kept from waiting in the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// By a flag of the call, wherever there is one.
    Flags,
    /// By the descriptor's mode, but for a receive. There is none for files: the pool reads and writes them.
    Modes,
}

impl Manner {
    /// Whether the descriptor has to be in non-blocking mode. A connect needs that everywhere, but only for a time.
    pub(crate) fn goes_by_mode(self, op: &Op) -> bool {
        match op {
            Op::Accept { .. } => true,
            Op::Send { .. }
            | Op::SendVectored { .. }
            | Op::SendTo { .. }
            | Op::Read { .. }
            | Op::Write { .. }
            | Op::ReadVectored { .. }
            | Op::WriteVectored { .. } => self == Manner::Modes,
            _ => false,
        }
    }

    /// Whether a read or a write need not wait for a disk.
    fn may_try(self, fd: Target) -> bool {
        match self {
            // With nothing cached there is nothing to try: the call would wait for the disk, whatever its flags say.
            Manner::Flags => !bypasses_cache(fd),
            Manner::Modes => kind(fd) != Kind::Disk,
        }
    }
}

/// What came of trying an operation.
pub(crate) enum Attempt {
    Over(io::Result<u32>),
    /// It would block; the descriptor's readiness for this may change that.
    Wait(Interest),
    /// It would block, and there is no event that says when it does not.
    Later,
    /// It would wait for a disk: the pool has to do it.
    Pool,
}

/// Tries an operation without waiting.
///
/// # Safety
///
/// What the record's operation points to is valid.
pub(crate) unsafe fn attempt(record: &mut Record, manner: Manner) -> Attempt {
    let op = record.op;
    let prepared = match op {
        Op::Connect { fd, .. } => prepare_connect(fd, record),
        Op::Close { fd } if may_block_on_close(fd) => return Attempt::Pool,
        Op::Read { fd, .. }
        | Op::Write { fd, .. }
        | Op::ReadVectored { fd, .. }
        | Op::WriteVectored { fd, .. }
            if !manner.may_try(fd) =>
        {
            return Attempt::Pool;
        }
        _ if manner.goes_by_mode(&op) => prepare_mode(record),
        _ => Ok(()),
    };
    if let Err(error) = prepared {
        return Attempt::Over(Err(error));
    }
    loop {
        // SAFETY: the same contract.
        let result = unsafe { call(&op, Mode::NonBlocking) };
        let again = std::mem::replace(&mut record.tried, true);
        let Err(error) = result else { return Attempt::Over(result) };
        return match error.raw_os_error() {
            // A close that was interrupted has closed: the number may be another's by now.
            Some(libc::EINTR) if matches!(op, Op::Close { .. }) => Attempt::Over(Ok(0)),
            Some(libc::EINTR) => continue,
            Some(libc::EISCONN) if again && matches!(op, Op::Connect { .. }) => Attempt::Over(Ok(0)),
            // SAFETY: the same contract.
            Some(code) => unsafe { judge(&op, code) }.unwrap_or(Attempt::Over(Err(error))),
            None => Attempt::Over(Err(error)),
        };
    }
}

/// What to do about an error that may only mean "not now"; `None` if it means an end.
///
/// # Safety
///
/// What the operation points to is valid.
unsafe fn judge(op: &Op, code: i32) -> Option<Attempt> {
    match op {
        Op::Connect { .. } if matches!(code, libc::EINPROGRESS | libc::EALREADY) => {
            Some(Attempt::Wait(Interest::WRITABLE))
        }
        Op::Read { fd, .. }
        | Op::Write { fd, .. }
        | Op::ReadVectored { fd, .. }
        | Op::WriteVectored { fd, .. } => {
            let refused = match code {
                libc::EAGAIN => false,
                libc::EOPNOTSUPP => true,
                _ => return None,
            };
            match kind(*fd) {
                Kind::Disk => Some(Attempt::Pool),
                _ if !refused => Some(Attempt::Wait(op.interest())),
                // SAFETY: the same contract.
                _ => Some(unsafe { call_if_ready(op, fd.fd()) }),
            }
        }
        // SAFETY: the same contract.
        _ if code == libc::EAGAIN && unsafe { no_event_tells(op) } => Some(Attempt::Later),
        _ if code == libc::EAGAIN && !op.refuses_to_wait() => Some(Attempt::Wait(op.interest())),
        _ => None,
    }
}

/// Whether the operation, if it would block, waits for room with somebody of whom the descriptor's readiness says nothing: a Unix
/// socket polls as writable while the backlog is full that it is to connect to, or the queue that it is to send to.
///
/// # Safety
///
/// What the operation points to is valid.
pub(crate) unsafe fn no_event_tells(op: &Op) -> bool {
    match *op {
        Op::Connect { .. } => true,
        // SAFETY: the same contract.
        Op::SendTo { address, .. } => unsafe { address.as_ref() }.is_some_and(RawAddress::is_unix),
        _ => false,
    }
}

/// For a stream that knows no call that never waits (a terminal, a pipe of an older kernel): asks first. If another
/// thread takes what was there in between, the call waits for the next. A pipe that is writable has room for
/// `PIPE_BUF` bytes, and a write of more would wait until there has been room for all of them.
///
/// # Safety
///
/// What the operation points to is valid.
unsafe fn call_if_ready(op: &Op, fd: RawFd) -> Attempt {
    if system_calls::poll(fd, op.interest(), Some(std::time::Duration::ZERO)).is_err() {
        return Attempt::Wait(op.interest());
    }
    // SAFETY: the same contract.
    let op = unsafe { at_most(*op, libc::PIPE_BUF) };
    // SAFETY: the same contract.
    match unsafe { call(&op, Mode::Blocking) } {
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) => {
            Attempt::Wait(op.interest())
        }
        result => Attempt::Over(result),
    }
}

/// A write of so many bytes at most.
///
/// # Safety
///
/// What the operation points to is valid.
unsafe fn at_most(op: Op, most: usize) -> Op {
    match op {
        Op::Write { fd, buffer, len, offset } => Op::Write { fd, buffer, len: len.min(most), offset },
        Op::WriteVectored { fd, slices, count, offset } => {
            // SAFETY: the same contract; they are slices of the system's.
            let slices = unsafe { std::slice::from_raw_parts(slices, count) };
            match slices.iter().find(|slice| slice.iov_len > 0) {
                Some(first) => {
                    let (buffer, len) = (first.iov_base.cast_const().cast(), first.iov_len.min(most));
                    Op::Write { fd, buffer, len, offset }
                }
                None => op,
            }
        }
        _ => op,
    }
}

fn prepare_mode(record: &mut Record) -> io::Result<()> {
    if let Some(fd) = record.op.target()
        && switch_mode(fd)?
    {
        record.switched = true;
    }
    Ok(())
}

/// An accept has no flag against waiting: the socket must be in non-blocking mode, and stay so while it is listened to. The
/// mode is looked at each time, since it belongs to the description, which others may share and change. A handle notes
/// it for the day it leaves; returns whether the caller has to undo it.
pub(crate) fn switch_mode(fd: Target) -> io::Result<bool> {
    let switched = system_calls::set_nonblocking(fd.fd(), true)?;
    // SAFETY: the handle is alive as long as the operation is in flight.
    match unsafe { fd.registrations() } {
        Some(registrations) if switched => {
            registrations.get_or_make().note_nonblocking();
            Ok(false)
        }
        _ => Ok(switched),
    }
}

/// Has a send of the caller's own that is told not to wait not wait, on systems that go by the mode.
#[inline]
pub(crate) fn heed_dont_wait(fd: Target) -> io::Result<()> {
    match os::MANNER {
        Manner::Flags => Ok(()),
        Manner::Modes => switch_mode(fd).map(drop),
    }
}

/// Connect needs the mode too, but only until it is done.
fn prepare_connect(fd: Target, record: &mut Record) -> io::Result<()> {
    if !record.tried {
        record.switched = system_calls::set_nonblocking(fd.fd(), true)?;
    }
    Ok(())
}

/// Undoes what trying the operation has changed, at its end.
pub(crate) fn clean_up(record: &mut Record) {
    if let (true, Some(target)) = (std::mem::take(&mut record.switched), record.op.target()) {
        // The descriptor is open, and the flag was changed before: no reason to fail. If it did, the descriptor would be
        // left in a mode that every operation copes with.
        let _ = system_calls::set_nonblocking(target.fd(), false);
    }
}

/// What a descriptor refers to. A handle is asked once.
pub(super) fn kind(target: Target) -> Kind {
    // SAFETY: the handle is alive as long as the operation is in flight.
    match unsafe { target.registrations() } {
        Some(registrations) => registrations.get_or_make().kind(target.fd()),
        None => Kind::of(target.fd()),
    }
}

/// Whether it is a file that was opened to be read and written without the page cache. A handle is asked once.
pub(super) fn bypasses_cache(target: Target) -> bool {
    // A pipe may have the flag too, and means something else by it.
    let ask = || os::is_direct(target.fd()) && kind(target) == Kind::Disk;
    // SAFETY: the handle is alive as long as the operation is in flight.
    match unsafe { target.registrations() } {
        Some(registrations) => registrations.get_or_make().bypasses_cache(ask),
        None => ask(),
    }
}

/// A file's close may write back, and that of a socket that lingers waits for the peer.
fn may_block_on_close(fd: RawFd) -> bool {
    match Kind::of(fd) {
        Kind::Disk => true,
        Kind::Socket => system_calls::lingers(fd),
        Kind::Stream => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempt, Interest, Op, Target, call_if_ready};
    use crate::Offset;
    use std::io::{self, IoSlice};
    use std::os::fd::AsRawFd;

    /// More than a pipe holds.
    const MUCH: usize = 1 << 20;

    #[test]
    fn a_pipe_that_knows_no_call_that_never_waits_gets_what_it_has_room_for() {
        let bytes = vec![0u8; MUCH];
        let slices = [IoSlice::new(&[]), IoSlice::new(&bytes)];
        for is_vectored in [false, true] {
            let (_reader, writer) = io::pipe().unwrap();
            let (fd, offset) = (Target::foreign(writer.as_raw_fd()), Offset::CURRENT);
            let op = if is_vectored {
                Op::WriteVectored { fd, slices: slices.as_ptr().cast(), count: slices.len(), offset }
            } else {
                Op::Write { fd, buffer: bytes.as_ptr(), len: bytes.len(), offset }
            };
            let mut taken = 0;
            let interest = loop {
                // SAFETY: the bytes, and the slices of them, are there.
                match unsafe { call_if_ready(&op, writer.as_raw_fd()) } {
                    Attempt::Over(result) => taken += result.unwrap(),
                    Attempt::Wait(interest) => break interest,
                    _ => panic!("a pipe needs no help"),
                }
            };
            assert!(taken > 0 && taken < MUCH as u32 && interest == Interest::WRITABLE, "{taken}");
        }
    }
}
