//! The epoll backend's own half: an epoll instance as a [`Poller`].

use std::io;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use super::attempt::Manner;
use super::choose::Refusal;
use super::edges::BORDERS;
use super::os::{self, AsRawFd, Eventfd, FromRawFd, OwnedFd, RawFd};
use super::readiness::{EVENTS, Poller, Told, Watch};
use super::registrations::Watcher;
use super::system_calls::{self, timespec};
use super::{Bell, Started};
use crate::ledger::Pause;
use crate::op::Interest;
use crate::process::Birthplace;
use crate::unpark::Parking;

/// The bell's token; no descriptor has number −1.
const BELL: u64 = u64::MAX;

/// An epoll instance, as its driver and the handles registered with it share it.
struct Instance {
    fd: OwnedFd,
    birthplace: Birthplace,
}

impl Instance {
    /// Changes what the instance watches.
    fn control(&self, operation: i32, fd: RawFd, events: u32, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events, u64: token };
        // SAFETY: `event` is valid for the call; the kernel copies it. Wrong descriptors are errors.
        let result = unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), operation, fd, &raw mut event) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Registers a descriptor, or changes its registration. What the table believes may be behind the times: the number may
    /// have been closed, or still be known from an earlier life.
    fn register(&self, is_new: bool, fd: RawFd, events: u32, token: u64) -> io::Result<()> {
        let (first, second) = if is_new {
            (libc::EPOLL_CTL_ADD, libc::EPOLL_CTL_MOD)
        } else {
            (libc::EPOLL_CTL_MOD, libc::EPOLL_CTL_ADD)
        };
        match self.control(first, fd, events, token) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EEXIST | libc::ENOENT)) => {
                self.control(second, fd, events, token)
            }
            result => result,
        }
    }
}

impl Watcher for Instance {
    fn withdraw(&self, fd: RawFd, _closes: bool) {
        // An instance inherited through a fork is the parent's: the parent's handle is not closed by this. A duplicate
        // would keep the registration alive beyond the close.
        if !self.birthplace.is_elsewhere() {
            // It fails if the descriptor is not registered any more, which is what we want.
            let _ = self.control(libc::EPOLL_CTL_DEL, fd, 0, 0);
        }
    }
}

pub(crate) struct Epoll {
    instance: Arc<Instance>,
    events: Vec<libc::epoll_event>,
    /// Whether the kernel waits to the nanosecond (`epoll_pwait2`, Linux 5.11).
    precise: bool,
}

impl Poller for Epoll {
    const MANNER: Manner = os::MANNER;
    const TELLS_BORDERS: bool = true;
    const ENDS_AFTER_EVENT: bool = false;

    fn start() -> Result<Started<Epoll>, Refusal> {
        let bell = Eventfd::new().map_err(Refusal::at("eventfd"))?;
        // SAFETY: takes no pointers.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(Refusal::at("epoll_create1")(io::Error::last_os_error()));
        }
        // SAFETY: the descriptor is new, and nobody else's.
        let instance = Instance { fd: unsafe { OwnedFd::from_raw_fd(fd) }, birthplace: Birthplace::here() };
        let edges = (libc::EPOLLIN | libc::EPOLLET) as u32;
        instance
            .control(libc::EPOLL_CTL_ADD, bell.as_raw_fd(), edges, BELL)
            .map_err(Refusal::at("watching the bell by epoll_ctl"))?;
        let instance = Arc::new(instance);
        let mut epoll = Epoll { instance, events: Vec::with_capacity(EVENTS), precise: true };
        // Whether it is there is asked by a call: a filter may forbid what the kernel has.
        epoll.precise = epoll.wait(Pause::Not).is_ok();
        epoll.wait(Pause::Not).map_err(Refusal::at("epoll_wait"))?;
        let features = if epoll.precise { vec!["epoll_pwait2"] } else { vec![] };
        Ok((epoll, Arc::new(Parking::new(Bell::by_eventfd(bell))), features))
    }

    fn watcher(&self) -> Arc<dyn Watcher> {
        Arc::clone(&self.instance) as Arc<dyn Watcher>
    }

    fn watch(&mut self, watch: &Watch) -> io::Result<()> {
        let mode = if watch.lasting { libc::EPOLLET as u32 | BORDERS } else { libc::EPOLLONESHOT as u32 };
        let is_new = watch.before | watch.passing == 0;
        self.instance.register(is_new, watch.fd, watch.wanted | mode, watch.token)
    }

    fn let_go(&mut self, fd: RawFd, _registered: u32) {
        // It fails if the descriptor was closed meanwhile, and then it is out already.
        let _ = self.instance.control(libc::EPOLL_CTL_DEL, fd, 0, 0);
    }

    fn wait(&mut self, pause: Pause) -> io::Result<()> {
        self.events.clear();
        let time = match pause {
            Pause::Not => Some(timespec(Duration::ZERO)),
            Pause::For(duration) => Some(timespec(duration)),
            Pause::Forever => None,
        };
        let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
        let fd = self.instance.fd.as_raw_fd();
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

    #[inline]
    fn count(&self) -> usize {
        self.events.len()
    }

    #[inline]
    fn told(&self, index: usize) -> Told {
        match self.events[index] {
            libc::epoll_event { u64: BELL, .. } => Told::Nothing,
            libc::epoll_event { events, u64: token } => Told::Ready { token, events },
        }
    }
}
