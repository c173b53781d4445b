//! An imitation of `kqueue` and `kevent` over real descriptors of Linux, for tests of the backend.
//!
//! It knows nothing of the backend, and follows the manual pages: each behaviour names the one it is from, kqueue(2) of
//! FreeBSD 14 ("F") or of macOS 14 ("M"). Where the two differ, it does what asks more of the caller.
//!
//! ```text
//!   kevent ─► changes ─► knotes ─► (nothing failed) scan ─► an active knote whose condition holds is an event
//!                          ▲                          │
//!                          │ activity                 └─► none: wait for activity, or the end of the time
//!             two epoll instances, edge-triggered: one hears of input, one of room for output
//! ```
//!
//! An epoll instance tells *that* something has happened to a descriptor, as the kernel's own notes do; whether the filter's
//! condition holds is asked of the descriptor itself. What Linux can't tell is left out: the bytes that a WRITE filter
//! counts are 1, the number of a socket's error is always `ECONNRESET`, and the filters for timers, signals, processes and
//! files do not exist.

#![allow(non_camel_case_types, reason = "names are the system's")]

use std::ffi::{c_int, c_void};
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::backend::os::{Eventfd, RawFd};

mod descriptor;
mod knotes;
#[cfg(test)]
mod tests;

use descriptor::Activity;
use knotes::Knotes;

/// F, "struct kevent": what is watched, by which filter, and how; the filter's flags and data; what comes back untouched.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct kevent {
    pub ident: usize,
    pub filter: i16,
    pub flags: u16,
    pub fflags: u32,
    pub data: i64,
    pub udata: *mut c_void,
}

// The numbers are macOS' and FreeBSD's.
pub(super) const EV_ADD: u16 = 0x1;
pub(super) const EV_DELETE: u16 = 0x2;
pub(super) const EV_ENABLE: u16 = 0x4;
pub(super) const EV_DISABLE: u16 = 0x8;
pub(super) const EV_ONESHOT: u16 = 0x10;
pub(super) const EV_CLEAR: u16 = 0x20;
pub(super) const EV_RECEIPT: u16 = 0x40;
pub(super) const EV_ERROR: u16 = 0x4000;
pub(super) const EV_EOF: u16 = 0x8000;
pub(super) const EVFILT_READ: i16 = -1;
pub(super) const EVFILT_WRITE: i16 = -2;
pub(super) const EVFILT_USER: i16 = -11;
pub(super) const NOTE_TRIGGER: u32 = 0x0100_0000;

/// One more than the highest number that a queue can have.
const NUMBERS: usize = 1 << 16;

/// The queues by number. A queue that was closed is leaked: another thread may be in a call on it.
static QUEUES: [AtomicPtr<Queue>; NUMBERS] = [const { AtomicPtr::new(ptr::null_mut()) }; NUMBERS];

struct Queue {
    /// F, "kqueue()": "The queue is not inherited by a child created with fork(2)."
    process: u32,
    activity: Activity,
    /// Rung by changes from other threads than the one that waits.
    changed: Eventfd,
    knotes: Mutex<Knotes>,
}

/// Makes a queue, whose number is that of a descriptor.
pub(super) fn open() -> io::Result<RawFd> {
    let activity = Activity::new()?;
    let fd = activity.number();
    let changed = Eventfd::new()?;
    activity.watch_changes(&changed)?;
    let queue = Queue { process: std::process::id(), activity, changed, knotes: Mutex::default() };
    let Some(place) = QUEUES.get(fd as usize) else {
        return Err(io::Error::from_raw_os_error(libc::EMFILE));
    };
    place.store(Box::into_raw(Box::new(queue)), Ordering::Release);
    Ok(fd)
}

/// F, "kqueue()": "The queue […] is destroyed when the descriptor is closed", here by this call alone.
///
/// # Safety
///
/// As that of `close(2)`: nobody uses the number any more.
pub(super) unsafe fn close(fd: RawFd) -> c_int {
    let place = QUEUES
        .get(fd as usize)
        .map_or(ptr::null_mut(), |place| place.swap(ptr::null_mut(), Ordering::AcqRel));
    // SAFETY: it was made by `open`, and is never freed.
    let Some(queue) = (unsafe { place.as_ref() }) else { return fail(libc::EBADF) };
    queue.activity.close();
    queue.changed.close();
    *queue.lock() = Knotes::default();
    0
}

/// F, "kevent()": registers events with the queue, and returns any pending events to the user.
///
/// # Safety
///
/// `changes` points to `change_count` changes, `events` to room for `event_count` events, and may be the same; `timeout` is
/// null or points to a time.
pub(super) unsafe fn kevent(
    fd: RawFd,
    changes: *const kevent,
    change_count: c_int,
    events: *mut kevent,
    event_count: c_int,
    timeout: *const libc::timespec,
) -> c_int {
    let Some(queue) = find(fd) else { return fail(libc::EBADF) };
    let mut out = Out { events, room: event_count.max(0) as usize, count: 0 };
    for index in 0..change_count.max(0) as usize {
        // SAFETY: by contract. An event that takes a change's place is written after that change was read.
        let change = unsafe { *changes.add(index) };
        let result = queue.lock().apply(&change, &queue.activity);
        // F, "EV_RECEIPT": it "forces EV_ERROR to always be returned. When a filter is successfully added, the data field
        // will be zero."
        if result.is_ok() && change.flags & EV_RECEIPT == 0 {
            continue;
        }
        let code = result.err().unwrap_or(0);
        // F, "RETURN VALUES": "If an error occurs while processing an element of the changelist and there is enough room in
        // the eventlist, then the event will be placed in the eventlist with EV_ERROR set in flags and the system error in
        // data. Otherwise, -1 will be returned, and errno will be set to indicate the error condition."
        if !out.push(kevent { flags: EV_ERROR, data: code.into(), ..change }) && code != 0 {
            return fail(code);
        }
    }
    if change_count > 0 {
        queue.changed.signal();
    }
    if out.count > 0 || out.room == 0 {
        // F, "kevent()": "If nevents is zero, kevent() will return immediately even if there is a timeout specified".
        return out.count as c_int;
    }
    // SAFETY: by contract.
    match deadline(unsafe { timeout.as_ref() }) {
        Ok(deadline) => queue.wait(deadline, &mut out),
        Err(code) => fail(code),
    }
}

/// F, "kevent()": "If timeout is a non-NULL pointer, it specifies a maximum interval to wait for an event […]. If timeout
/// is a NULL pointer, kevent() waits indefinitely. To effect a poll, the timeout argument should be non-NULL, pointing to a
/// zero-valued timespec structure."
fn deadline(timeout: Option<&libc::timespec>) -> Result<Option<Instant>, c_int> {
    let Some(time) = timeout else { return Ok(None) };
    match (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec)) {
        // M, "ERRORS": EINVAL, "The specified time limit […] is invalid": systems have refused times of years.
        (Ok(seconds @ 0..=100_000_000), Ok(nanoseconds @ 0..=999_999_999)) => {
            Ok(Some(Instant::now() + Duration::new(seconds, nanoseconds)))
        }
        _ => Err(libc::EINVAL),
    }
}

/// Where events go.
struct Out {
    events: *mut kevent,
    room: usize,
    count: usize,
}

impl Out {
    fn is_full(&self) -> bool {
        self.count == self.room
    }

    fn push(&mut self, event: kevent) -> bool {
        if self.is_full() {
            return false;
        }
        // SAFETY: there is room for `room` events, of which `count` are taken.
        unsafe { self.events.add(self.count).write(event) };
        self.count += 1;
        true
    }
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Knotes> {
        self.knotes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, deadline: Option<Instant>, out: &mut Out) -> c_int {
        loop {
            let mut knotes = self.lock();
            self.activity.take(|watch| knotes.activate(watch));
            knotes.scan(&self.activity, out);
            drop(knotes);
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if out.count > 0 || left == Some(Duration::ZERO) {
                return out.count as c_int;
            }
            // F, "ERRORS": EINTR, "A signal was delivered before the timeout expired and before any events were placed on
            // the kqueue for return"; "all changes contained in the changelist have been applied" by then.
            if let Err(error) = self.activity.wait(left) {
                return fail(error.raw_os_error().unwrap_or(libc::EBADF));
            }
        }
    }
}

fn find(fd: RawFd) -> Option<&'static Queue> {
    let place = QUEUES.get(fd as usize)?.load(Ordering::Acquire);
    // SAFETY: it is null, or was made by `open`, and is never freed.
    unsafe { place.as_ref() }.filter(|queue| queue.process == std::process::id())
}

fn fail(code: c_int) -> c_int {
    // SAFETY: the address is the thread's own.
    unsafe { *libc::__errno_location() = code };
    -1
}
