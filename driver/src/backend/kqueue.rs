//! The kqueue backend's own half: a kqueue as a [`Poller`].
//!
//! ```text
//!   watch, let_go ──► changes ─┐                     ┌─► Ready      EV_EOF is the peer's end, with fflags an error
//!                              ▼                     │
//!                       one kevent a turn ──► events ┼─► Refused    EV_ERROR: a change that was not made
//!                              ▲                     │
//!   bell: EVFILT_USER ─────────┘                     └─► Nothing    the bell
//! ```
//!
//! Changes wait for the turn, which every operation in flight has before it: so none is made to a descriptor that has
//! closed or left meanwhile, as an operation's completion comes out of a turn that has made its changes. A change that fails
//! is an event of its own; the call returns without others then, and they come with the next.
//!
//! Registrations belong to the number, in this process: a close ends them, whatever duplicates there are, and a fork leaves
//! the whole queue behind.
//!
//! `EVFILT_TIMER`, `EVFILT_SIGNAL`, `EVFILT_PROC` and `EVFILT_VNODE` are not used: the driver's wheel bounds the call's own
//! time, which goes to the nanosecond, and no operation waits for the others.

use std::io;
use std::ptr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::attempt::Manner;
use super::choose::Refusal;
use super::os::{PEER_CLOSED, RawFd};
use super::readiness::{EVENTS, Poller, Told, Watch};
use super::registrations::Watcher;
use super::system_calls::timespec;
use super::{Bell, Started};
use crate::ledger::Pause;
use crate::op::Interest;
use crate::process::Birthplace;
use crate::unpark::Parking;

#[cfg(target_os = "linux")]
mod fake;
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
mod system;

#[cfg(target_os = "linux")]
use fake as sys;
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
use system as sys;

use sys::kevent as Kevent;

/// What comes back with the bell; no descriptor has number −1.
const BELL: u64 = u64::MAX;
/// What comes back with a change that nobody asks about: a descriptor that was let go may be closed, and not be there.
const LET_GO: u64 = u64::MAX - 1;
/// The longest wait: systems differ in what they take for too long. A turn that is not over waits again.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How long to wait before trying again when there is no memory.
const RETRY_DELAY: Duration = Duration::from_millis(1);

const READABLE: u32 = Interest::READABLE.bits();
const WRITABLE: u32 = Interest::WRITABLE.bits();

/// A kqueue, as its driver, the handles registered with it and those who wake it share it.
pub(crate) struct Queue {
    fd: RawFd,
    birthplace: Birthplace,
}

impl Queue {
    fn new() -> io::Result<Queue> {
        Ok(Queue { fd: sys::open()?, birthplace: Birthplace::here() })
    }

    /// Wakes the driver, if it waits.
    pub(crate) fn ring(&self) {
        if self.birthplace.is_elsewhere() {
            // The number is somebody else's here, or nobody's.
            return;
        }
        let trigger = change(0, sys::EVFILT_USER, 0, sys::NOTE_TRIGGER, BELL);
        // SAFETY: one change, and no room for events: it triggers, and returns at once. The bell is registered as long as
        // the queue is there, so that there is nothing to fail.
        unsafe { sys::kevent(self.fd, &raw const trigger, 1, ptr::null_mut(), 0, ptr::null()) };
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // A child has not inherited it: the number is somebody else's there.
        if !self.birthplace.is_elsewhere() {
            // SAFETY: it is ours, and this is the end of it.
            unsafe { sys::close(self.fd) };
        }
    }
}

impl Watcher for Queue {
    fn withdraw(&self, fd: RawFd, closes: bool) {
        if closes || self.birthplace.is_elsewhere() {
            return;
        }
        let delete = |filter| change(fd, filter, sys::EV_DELETE | sys::EV_RECEIPT, 0, LET_GO);
        let mut changes = [delete(sys::EVFILT_READ), delete(sys::EVFILT_WRITE)];
        let (first, count) = (changes.as_mut_ptr(), changes.len() as i32);
        // SAFETY: two changes, and as much room for their receipts, which take the changes' place. With receipts asked for,
        // the call takes no events. That something is not registered is what we want.
        unsafe { sys::kevent(self.fd, first, count, first, count, ptr::null()) };
    }
}

pub(crate) struct Kqueue {
    queue: Arc<Queue>,
    /// What the system will be told with the next call.
    changes: Vec<Kevent>,
    events: Vec<Kevent>,
}

impl Kqueue {
    /// Has the system hear of a change with the next call. Its answer, if it has one, comes back with `token`.
    fn push(&mut self, fd: RawFd, filter: i16, flags: u16, token: u64) {
        self.changes.push(change(fd, filter, flags, 0, token));
    }
}

impl Poller for Kqueue {
    const MANNER: Manner = Manner::Modes;
    /// FreeBSD has no event for urgent data.
    const TELLS_BORDERS: bool = false;
    const ENDS_AFTER_EVENT: bool = true;

    fn start() -> Result<Started<Kqueue>, Refusal> {
        let queue = Arc::new(Queue::new().map_err(Refusal::at("kqueue"))?);
        let mut kqueue =
            Kqueue { queue: Arc::clone(&queue), changes: Vec::new(), events: Vec::with_capacity(EVENTS) };
        let bell = change(0, sys::EVFILT_USER, sys::EV_ADD | sys::EV_CLEAR, 0, BELL);
        kqueue.changes.push(bell);
        kqueue.wait(Pause::Not).map_err(Refusal::at("kevent"))?;
        match kqueue.events.first() {
            None => Ok((kqueue, Arc::new(Parking::new(Bell::Kqueue(queue))), vec![])),
            Some(refusal) => {
                let error = io::Error::from_raw_os_error(refusal.data as i32);
                Err(Refusal::at("watching the bell by kevent")(error))
            }
        }
    }

    fn watcher(&self) -> Arc<dyn Watcher> {
        Arc::clone(&self.queue) as Arc<dyn Watcher>
    }

    fn watch(&mut self, watch: &Watch) -> io::Result<()> {
        let Watch { fd, token, .. } = *watch;
        // Urgent data, or errors alone: there is no filter that is on every system and tells of nothing else.
        if watch.wanted == 0 || watch.wanted & !(READABLE | WRITABLE) != 0 {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        // To add what is there changes nothing of how it is watched.
        self.let_go(fd, watch.passing);
        let mode = if watch.lasting { sys::EV_CLEAR } else { sys::EV_ONESHOT };
        for filter in filters_of(watch.wanted & !watch.before) {
            self.push(fd, filter, sys::EV_ADD | mode, token);
        }
        Ok(())
    }

    fn let_go(&mut self, fd: RawFd, registered: u32) {
        for filter in filters_of(registered) {
            self.push(fd, filter, sys::EV_DELETE, LET_GO);
        }
    }

    fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    fn wait(&mut self, pause: Pause) -> io::Result<()> {
        self.events.clear();
        let time = match pause {
            Pause::Not => Some(timespec(Duration::ZERO)),
            Pause::For(duration) => Some(timespec(duration.min(LONGEST))),
            Pause::Forever => None,
        };
        let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
        // A change that fails without room for saying so ends the call, and those after it are not made.
        self.events.reserve(self.changes.len().max(EVENTS));
        let (changes, room) = (self.changes.len() as i32, self.events.capacity() as i32);
        // SAFETY: so many changes are there, and room for so many events; the time lives for the call.
        let count = unsafe {
            sys::kevent(self.queue.fd, self.changes.as_ptr(), changes, self.events.as_mut_ptr(), room, time)
        };
        if count >= 0 {
            // SAFETY: the kernel has filled that many, and they fit.
            unsafe { self.events.set_len(count as usize) };
            self.changes.clear();
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            // The changes were made before the wait.
            Some(libc::EINTR) => self.changes.clear(),
            // Whatever was not made is made the next time; to make a change twice is no harm.
            Some(libc::ENOMEM) if pause == Pause::Not => {}
            Some(libc::ENOMEM) => thread::sleep(RETRY_DELAY),
            _ => return Err(error),
        }
        Ok(())
    }

    #[inline]
    fn count(&self) -> usize {
        self.events.len()
    }

    #[inline]
    fn told(&self, index: usize) -> Told {
        told_by(&self.events[index])
    }
}

fn told_by(event: &Kevent) -> Told {
    let token = event.udata as u64;
    if token >= LET_GO {
        return Told::Nothing;
    }
    let mut events = if event.filter == sys::EVFILT_READ { READABLE } else { WRITABLE };
    if event.flags & sys::EV_ERROR != 0 {
        return if event.data == 0 { Told::Nothing } else { Told::Refused { token, events } };
    }
    if event.flags & sys::EV_EOF != 0 {
        if event.filter == sys::EVFILT_READ {
            events |= PEER_CLOSED;
        }
        if event.fflags != 0 {
            events |= libc::POLLERR as u32;
        }
    }
    Told::Ready { token, events }
}

fn filters_of(interest: u32) -> impl Iterator<Item = i16> {
    let filter = move |bit, filter| (interest & bit != 0).then_some(filter);
    [filter(READABLE, sys::EVFILT_READ), filter(WRITABLE, sys::EVFILT_WRITE)].into_iter().flatten()
}

fn change(fd: RawFd, filter: i16, flags: u16, fflags: u32, token: u64) -> Kevent {
    // SAFETY: plain data, for which all zeros is a value. Systems differ in what more there is.
    let mut change: Kevent = unsafe { std::mem::zeroed() };
    (change.ident, change.filter, change.flags, change.fflags) = (fd as _, filter, flags, fflags);
    change.udata = token as usize as *mut _;
    change
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(filter: i16, flags: u16, fflags: u32, data: i32) -> Told {
        let mut event = change(3, filter, flags, fflags, 7);
        event.data = data as _;
        told_by(&event)
    }

    #[test]
    fn an_event_is_told_in_the_bits_of_poll() {
        let ready = |events| Told::Ready { token: 7, events };
        assert_eq!(told(sys::EVFILT_READ, 0, 0, 5), ready(READABLE));
        assert_eq!(told(sys::EVFILT_WRITE, 0, 0, 5), ready(WRITABLE));
        assert_eq!(told(sys::EVFILT_READ, sys::EV_EOF, 0, 0), ready(READABLE | PEER_CLOSED));
        assert_eq!(told(sys::EVFILT_WRITE, sys::EV_EOF, 0, 0), ready(WRITABLE));
        let reset = told(sys::EVFILT_WRITE, sys::EV_EOF, libc::ECONNRESET as u32, 0);
        assert_eq!(reset, ready(WRITABLE | libc::POLLERR as u32));
    }

    #[test]
    fn only_a_change_that_was_not_made_is_a_refusal() {
        let error = sys::EV_ERROR;
        assert_eq!(told(sys::EVFILT_READ, error, 0, 0), Told::Nothing);
        let refused = Told::Refused { token: 7, events: WRITABLE };
        assert_eq!(told(sys::EVFILT_WRITE, error, 0, libc::EBADF), refused);
        let mut forgotten = change(3, sys::EVFILT_READ, error, 0, LET_GO);
        forgotten.data = libc::ENOENT as _;
        assert_eq!(told_by(&forgotten), Told::Nothing);
    }

    #[test]
    fn what_no_filter_tells_is_not_watched() {
        let (mut kqueue, ..) = Kqueue::start().expect("it is here");
        for wanted in [0, libc::POLLPRI as u32, READABLE | PEER_CLOSED] {
            let watch = Watch { fd: 0, token: 0, before: 0, passing: 0, wanted, lasting: false };
            let error = kqueue.watch(&watch).expect_err("there is no such filter");
            assert_eq!(error.raw_os_error(), Some(libc::EPERM));
        }
        assert!(!kqueue.has_changes());
    }

    #[test]
    fn any_number_of_changes_may_fail_and_those_after_them_are_made() {
        let (mut kqueue, parking, _) = Kqueue::start().expect("it is here");
        let (reader, writer) = io::pipe().expect("a pipe can be made");
        for token in 0..EVENTS as u64 + 10 {
            let watch = Watch { fd: 1 << 20, token, before: 0, passing: 0, wanted: READABLE, lasting: true };
            kqueue.watch(&watch).expect("that is found out later");
        }
        let (fd, token) = (std::os::fd::AsRawFd::as_raw_fd(&writer), 1 << 40);
        kqueue
            .watch(&Watch { fd, token, before: 0, passing: 0, wanted: WRITABLE, lasting: true })
            .expect("that is found out later");
        kqueue.wait(Pause::Not).expect("it waits");
        assert_eq!(kqueue.count(), EVENTS + 10);
        assert_eq!(kqueue.told(3), Told::Refused { token: 3, events: READABLE });
        kqueue.wait(Pause::Forever).expect("it waits");
        assert_eq!(kqueue.told(0), Told::Ready { token, events: WRITABLE });
        parking.bell().ring();
        kqueue.wait(Pause::Forever).expect("it waits");
        assert_eq!((kqueue.count(), kqueue.told(0)), (1, Told::Nothing));
        drop(reader);
    }

    #[test]
    fn a_handle_is_told_of_once_for_each_activity_until_it_leaves() {
        let (mut kqueue, ..) = Kqueue::start().expect("it is here");
        let (reader, mut writer) = io::pipe().expect("a pipe can be made");
        let fd = std::os::fd::AsRawFd::as_raw_fd(&reader);
        let watch = Watch { fd, token: 5, before: 0, passing: 0, wanted: READABLE, lasting: true };
        kqueue.watch(&watch).expect("that is found out later");
        for _ in 0..2 {
            io::Write::write_all(&mut writer, b"a").expect("there is room");
            kqueue.wait(Pause::Forever).expect("it waits");
            assert_eq!((kqueue.count(), kqueue.told(0)), (1, Told::Ready { token: 5, events: READABLE }));
            kqueue.wait(Pause::Not).expect("it waits");
            assert_eq!(kqueue.count(), 0);
        }
        kqueue.watcher().withdraw(fd, false);
        io::Write::write_all(&mut writer, b"a").expect("there is room");
        kqueue.wait(Pause::Not).expect("it waits");
        assert_eq!(kqueue.count(), 0, "it has left");
    }

    #[test]
    fn a_foreign_descriptor_is_told_of_once_or_not_at_all() {
        let (mut kqueue, ..) = Kqueue::start().expect("it is here");
        let (reader, mut writer) = io::pipe().expect("a pipe can be made");
        io::Write::write_all(&mut writer, b"a").expect("there is room");
        let fd = std::os::fd::AsRawFd::as_raw_fd(&reader);
        let watch = Watch { fd, token: 5, before: 0, passing: 0, wanted: READABLE, lasting: false };
        kqueue.watch(&watch).expect("that is found out later");
        kqueue.wait(Pause::Forever).expect("it waits");
        assert_eq!(kqueue.told(0), Told::Ready { token: 5, events: READABLE });
        // It is gone by itself; to let it go all the same is no refusal.
        kqueue.let_go(fd, READABLE);
        kqueue.wait(Pause::Not).expect("it waits");
        assert!((0..kqueue.count()).all(|index| kqueue.told(index) == Told::Nothing));
        kqueue.watch(&watch).expect("that is found out later");
        kqueue.let_go(fd, READABLE);
        kqueue.wait(Pause::Not).expect("it waits");
        assert_eq!(kqueue.count(), 0);
    }
}
