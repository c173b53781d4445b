//! Operations on a thread that has no driver: overlapped calls that are waited for right away, by an event instead of a port.

use std::io;
use std::mem::MaybeUninit;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{HANDLE, WAIT_TIMEOUT};
use windows_sys::Win32::Networking::WinSock::{
    POLLERR, POLLHUP, POLLNVAL, SOCKET, WSAENOTSOCK, WSAEWOULDBLOCK, WSAGetLastError, WSAPOLLFD, WSAPoll,
};
use windows_sys::Win32::Storage::FileSystem::{FILE_TYPE_DISK, GetFileType, ReadFile, WriteFile};
use windows_sys::Win32::System::IO::{CancelIoEx, GetOverlappedResult};
use windows_sys::Win32::System::Threading::{CreateEventW, WaitForSingleObject};

use super::super::os::{RawFd, RawSlice, is_socket};
use super::afd::{Afd, PollInfo};
use super::overlapped::{Begun, Outcome, begin, finish, slice_of};
use super::packet::Request;
use super::port::milliseconds;
use super::{end_of, files, is_abort, lazy_of_receive, status};
use crate::ledger::Pause;
use crate::op::{Interest, Offset, Op};

impl Op {
    /// Does the operation right here, and waits for it: for a thread without a driver.
    ///
    /// # Errors
    ///
    /// Those of the operation, and [`TimedOut`](io::ErrorKind::TimedOut) if it was not done by the deadline. A deadline
    /// bounds waits for sockets and overlapped handles, not those for others. A connect that timed out leaves its socket
    /// in an unspecified state.
    ///
    /// # Safety
    ///
    /// What the operation points to is valid, and its descriptor open, until this returns.
    pub unsafe fn perform_blocking(&self, deadline: Option<Instant>) -> io::Result<u32> {
        // SAFETY: the same contract, for each of them.
        unsafe {
            match *self {
                Op::Timeout { deadline: end } => sleep_until(end, deadline),
                Op::Poll { .. } => wait_ready(self, deadline),
                Op::Open { .. }
                | Op::Close { .. }
                | Op::Statx { .. }
                | Op::Sync { .. }
                | Op::Shutdown { .. } => files::call(self),
                Op::RecvShared { bytes, .. } => {
                    wait_ready(self, deadline)?;
                    receive(self, &mut *bytes, deadline)
                }
                Op::ReadVectored { slices, count, offset, .. } => {
                    each_slice(self, std::slice::from_raw_parts(slices, count), offset, deadline)
                }
                Op::WriteVectored { slices, count, offset, .. } => {
                    each_slice(self, std::slice::from_raw_parts(slices, count), offset, deadline)
                }
                Op::Read { offset: Offset::CURRENT, .. } | Op::Write { offset: Offset::CURRENT, .. }
                    if files::is_synchronous(self.target().map_or(0, |target| target.fd())) =>
                {
                    transfer_here(self)
                }
                _ if self.refuses_to_wait() => attempt(self),
                _ => perform(self, deadline),
            }
        }
    }
}

/// Does an operation on a socket if that need not wait; else it is an error of the kind `WouldBlock`.
///
/// # Safety
///
/// Of [`Op::perform_blocking`].
pub(super) unsafe fn attempt(op: &Op) -> io::Result<u32> {
    let fd = op.target().map_or(0, |target| target.fd());
    // A socket that isn't overlapped would wait, whatever it is told.
    if poll(fd, op.interest(), Pause::Not)? == 0 {
        return Err(io::Error::from_raw_os_error(WSAEWOULDBLOCK));
    }
    let now = Some(Instant::now());
    // SAFETY: the same contract.
    let result = unsafe {
        match *op {
            Op::RecvShared { bytes, .. } => receive(op, &mut *bytes, now),
            _ => perform(op, now),
        }
    };
    // Somebody else has taken what was there.
    result.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => io::Error::from_raw_os_error(WSAEWOULDBLOCK),
        _ => error,
    })
}

/// Receives into memory that is only there for the call, and appends what came.
///
/// # Safety
///
/// Of [`Op::perform_blocking`].
unsafe fn receive(op: &Op, bytes: &mut Vec<u8>, deadline: Option<Instant>) -> io::Result<u32> {
    let mut memory = [const { MaybeUninit::<u8>::uninit() }; Op::MOST_SHARED];
    let Some(fd) = op.target() else { unreachable!("a receive has a socket") };
    let receive = Op::Recv { fd, buffer: memory.as_mut_ptr().cast(), len: memory.len(), flags: 0 };
    // SAFETY: the memory is valid for its length, until this returns.
    let count = unsafe { perform(&receive, deadline) }?;
    // SAFETY: the system has initialised so many bytes from the beginning.
    bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(memory.as_ptr().cast(), count as usize) });
    Ok(count)
}

/// Reads or writes one slice after the other, until one comes short.
///
/// # Safety
///
/// Of [`Op::perform_blocking`].
unsafe fn each_slice(
    op: &Op,
    slices: &[RawSlice],
    offset: Offset,
    deadline: Option<Instant>,
) -> io::Result<u32> {
    const MOST_SLICES: usize = 1024;
    let Some(fd) = op.target() else { unreachable!("a transfer has a handle") };
    let mut done = 0_u32;
    for slice in slices.iter().take(MOST_SLICES) {
        let (len, offset) = (slice.len as usize, offset.after(done as usize));
        let part = match op {
            Op::ReadVectored { .. } => Op::Read { fd, buffer: slice.buf, len, offset },
            _ => Op::Write { fd, buffer: slice.buf, len, offset },
        };
        // SAFETY: the same contract.
        match unsafe { part.perform_blocking(deadline) } {
            Ok(count) => {
                done += count;
                if count < slice.len {
                    break;
                }
            }
            // What was done before is a result.
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Reads or writes where the handle stands, which the system knows of handles that aren't overlapped.
///
/// # Safety
///
/// Of [`Op::perform_blocking`].
unsafe fn transfer_here(op: &Op) -> io::Result<u32> {
    let mut bytes = 0;
    // SAFETY: the same contract.
    let done = unsafe {
        match *op {
            Op::Read { fd, buffer, len, .. } => {
                let slice = slice_of(buffer, len);
                let handle = ptr::without_provenance_mut(fd.fd());
                ReadFile(handle, slice.buf, slice.len, &raw mut bytes, ptr::null_mut())
            }
            Op::Write { fd, buffer, len, .. } => {
                let slice = slice_of(buffer.cast_mut(), len);
                let handle = ptr::without_provenance_mut(fd.fd());
                WriteFile(handle, slice.buf, slice.len, &raw mut bytes, ptr::null_mut())
            }
            _ => unreachable!("not a transfer: {}", op.name()),
        }
    };
    if done != 0 {
        return Ok(bytes);
    }
    let error = io::Error::last_os_error();
    error.raw_os_error().map_or(Err(error), |code| status::judge(op, code, bytes))
}

/// # Safety
///
/// Of [`Op::perform_blocking`].
unsafe fn perform(op: &Op, deadline: Option<Instant>) -> io::Result<u32> {
    let event = Event::new()?;
    loop {
        // SAFETY: the same contract; the request stays here until the call is over.
        match unsafe { perform_once(op, &event, deadline) } {
            Outcome::Over(result) => return result,
            Outcome::Again => {}
        }
    }
}

/// # Safety
///
/// Of [`Op::perform_blocking`].
unsafe fn perform_once(op: &Op, event: &Event, deadline: Option<Instant>) -> Outcome {
    // SAFETY: the handle is alive for the call.
    let association = op.target().and_then(|target| unsafe { target.registrations() }?.association());
    let here = association.map_or(0, |association| association.position());
    let mut request = Request::at(offset_of(op).map_or(0, |offset| offset.position().unwrap_or(here)));
    request.overlapped.hEvent = event.without_packet();
    let place = &raw mut request;
    // SAFETY: the same contract; the request outlives the wait below.
    let result = match unsafe { begin(op, place) } {
        Begun::Over(result) => return Outcome::Over(result),
        Begun::Done(bytes) => Ok(bytes),
        Begun::Pending => {
            let fd = op.target().map_or(0, |target| target.fd());
            // SAFETY: the request is in flight with this event, and stays here.
            let ended = unsafe { await_end(op, fd, event, place, deadline) };
            ended.map(|bytes| bytes.unwrap_or_else(|| end_of(op)))
        }
    };
    // SAFETY: the same contract, and the system has done with the request.
    let outcome = unsafe { finish(op, &mut *place, result) };
    if let (Outcome::Over(Ok(bytes)), Some(Offset::CURRENT), Some(association)) =
        (&outcome, offset_of(op), association)
    {
        association.move_to(here + u64::from(*bytes));
    }
    outcome
}

/// Waits until the system has done with a request on this handle. `None`: our own side was shut down.
///
/// # Safety
///
/// Of [`Op::perform_blocking`]; the request is in flight on the handle, with this event.
unsafe fn await_end(
    op: &Op,
    fd: RawFd,
    event: &Event,
    request: *mut Request,
    deadline: Option<Instant>,
) -> io::Result<Option<u32>> {
    // SAFETY: the handle is alive for the call.
    let lazy = unsafe { lazy_of_receive(op) };
    if let Some(lazy) = lazy {
        // SAFETY: it is in flight, and leaves the list below.
        unsafe { lazy.receives.enter(fd, request.cast()) };
    }
    // SAFETY: by contract.
    let ended = unsafe { event.wait(fd, request, deadline) };
    if let Some(lazy) = lazy {
        lazy.receives.leave(request.cast());
    }
    if ended.is_none() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    // SAFETY: the system has done with it.
    let overlapped = unsafe { (*request).overlapped };
    match status::result(op, overlapped.Internal as i32, overlapped.InternalHigh as u32) {
        Err(error) if is_abort(&error) && lazy.is_some_and(|lazy| lazy.receives.are_shut()) => Ok(None),
        result => result.map(Some),
    }
}

/// Where in a file an operation starts, if it has such a thing.
pub(super) fn offset_of(op: &Op) -> Option<Offset> {
    match *op {
        Op::Read { offset, .. } | Op::Write { offset, .. } => Some(offset),
        Op::SendFile { offset, .. } => Some(Offset::at(offset)),
        _ => None,
    }
}

struct Event(OwnedHandle);

impl Event {
    fn new() -> io::Result<Event> {
        // SAFETY: takes no pointers.
        let event = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
        if event.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is new, and nobody else's.
        Ok(Event(unsafe { OwnedHandle::from_raw_handle(event) }))
    }

    /// The event as an operation takes it whose end no port is to hear of: with the lowest bit set.
    fn without_packet(&self) -> HANDLE {
        self.handle().map_addr(|address| address | 1)
    }

    fn handle(&self) -> HANDLE {
        self.0.as_raw_handle()
    }

    /// Waits for the operation's end. `None`: there was no time for it, and it was cancelled.
    ///
    /// # Safety
    ///
    /// The request is in flight on this handle, with this event.
    unsafe fn wait(&self, fd: RawFd, request: *mut Request, deadline: Option<Instant>) -> Option<()> {
        loop {
            let pause = deadline.map_or(Pause::Forever, |deadline| {
                Pause::For(deadline.saturating_duration_since(Instant::now()))
            });
            // SAFETY: the event is open.
            let status = unsafe { WaitForSingleObject(self.handle(), milliseconds(pause)) };
            if status != WAIT_TIMEOUT {
                return Some(());
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break;
            }
        }
        let mut bytes = 0;
        // SAFETY: the request is in flight, or over; the second call waits for its end.
        unsafe {
            let handle = ptr::without_provenance_mut(fd);
            CancelIoEx(handle, request.cast());
            let done = GetOverlappedResult(handle, request.cast(), &raw mut bytes, 1);
            // The cancel came too late.
            (done != 0).then_some(())
        }
    }
}

/// What a socket is ready for of what is asked; 0: nothing yet.
pub(super) fn poll(fd: RawFd, interest: Interest, pause: Pause) -> io::Result<u32> {
    /// A flag that `WSAPoll` refuses to be asked for.
    const REFUSED: i16 = windows_sys::Win32::Networking::WinSock::POLLPRI;
    let events = interest.bits() as i16 & !REFUSED;
    let mut entry = WSAPOLLFD { fd: fd as SOCKET, events, revents: 0 };
    let time = match pause {
        Pause::Forever => -1,
        pause => i32::try_from(milliseconds(pause)).unwrap_or(i32::MAX),
    };
    // SAFETY: one entry.
    match unsafe { WSAPoll(&raw mut entry, 1, time) } {
        // SAFETY: no arguments.
        ..0 => Err(io::Error::from_raw_os_error(unsafe { WSAGetLastError() })),
        _ if entry.revents & POLLNVAL != 0 => Err(io::Error::from_raw_os_error(WSAENOTSOCK)),
        _ => {
            let over = if entry.revents & (POLLERR | POLLHUP) != 0 { interest.bits() } else { 0 };
            Ok(entry.revents as u16 as u32 | over)
        }
    }
}

/// Whether it is a file on a disk, which is always ready.
pub(super) fn is_disk(fd: RawFd) -> bool {
    // SAFETY: takes a number. What is no handle has no type.
    (unsafe { GetFileType(ptr::without_provenance_mut(fd)) }) == FILE_TYPE_DISK
}

/// Waits until the operation's socket is ready. Returns what for.
///
/// # Safety
///
/// Of [`Op::perform_blocking`].
unsafe fn wait_ready(op: &Op, deadline: Option<Instant>) -> io::Result<u32> {
    let (fd, interest) = (op.target().map_or(0, |target| target.fd()), op.interest());
    if !is_socket(fd) {
        return if is_disk(fd) { Ok(interest.bits()) } else { Err(io::ErrorKind::Unsupported.into()) };
    }
    let (afd, event) = (Afd::open()?, Event::new()?);
    let (mut info, mut request) = (PollInfo::new(fd, interest), Request::at(0));
    let place = &raw mut request;
    // SAFETY: both stay here until the answer has come: only then the wait below is over.
    let ended = unsafe {
        afd.ask(event.handle(), place.cast(), &raw mut *info)?;
        await_end(op, afd.fd(), &event, place, deadline)?
    };
    ended.map_or_else(|| Ok(end_of(op)), |_| info.answer())
}

/// Sleeps until `end`, unless `deadline` is earlier.
fn sleep_until(end: Instant, deadline: Option<Instant>) -> io::Result<u32> {
    let until = deadline.map_or(end, |deadline| deadline.min(end));
    loop {
        let now = Instant::now();
        if now >= until {
            return if until == end { Ok(0) } else { Err(io::ErrorKind::TimedOut.into()) };
        }
        thread::sleep((until - now).max(Duration::from_millis(1)));
    }
}
