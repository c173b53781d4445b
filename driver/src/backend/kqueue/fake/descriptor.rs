//! What the imitation asks of Linux: that something has happened to a descriptor, and what is true of it now.

use std::ffi::c_int;
use std::io;
use std::ptr;
use std::time::Duration;

use super::{EVFILT_READ, EVFILT_WRITE};
use crate::backend::os::{AsRawFd, Eventfd, RawFd};

/// The watch of the queue's own eventfd.
const CHANGES: u64 = u64::MAX;

/// What tells of activity: one instance for each direction, as one would tell of both whenever there is news of either.
pub(super) struct Activity {
    input: RawFd,
    output: RawFd,
}

impl Activity {
    pub(super) fn new() -> io::Result<Activity> {
        // SAFETY: takes no pointers.
        let open = || match unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) } {
            ..0 => Err(io::Error::last_os_error()),
            fd => Ok(fd),
        };
        let input = open()?;
        match open() {
            Ok(output) => Ok(Activity { input, output }),
            Err(error) => {
                // SAFETY: it was just made, and nobody else knows it.
                unsafe { libc::close(input) };
                Err(error)
            }
        }
    }

    /// The number that stands for the whole.
    pub(super) fn number(&self) -> RawFd {
        self.input
    }

    pub(super) fn close(&self) {
        for fd in [self.input, self.output] {
            // SAFETY: it is ours; whoever closes the queue answers for nobody using it any more.
            unsafe { libc::close(fd) };
        }
    }

    pub(super) fn watch_changes(&self, changed: &Eventfd) -> io::Result<()> {
        let mut event = libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLET) as u32, u64: CHANGES };
        // SAFETY: the event is valid for the call.
        match unsafe { libc::epoll_ctl(self.input, libc::EPOLL_CTL_ADD, changed.as_raw_fd(), &raw mut event) }
        {
            ..0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Hears of what happens to a descriptor in a filter's direction. What has no activity to hear of, like a file, is no
    /// error: its condition is looked at with every scan.
    pub(super) fn watch(&self, fd: RawFd, filter: i16, watch: u64) -> Result<(), c_int> {
        let (instance, events) = self.direction(filter);
        let mut event = libc::epoll_event { events, u64: watch };
        for operation in [libc::EPOLL_CTL_ADD, libc::EPOLL_CTL_MOD] {
            // SAFETY: the event is valid for the call.
            if unsafe { libc::epoll_ctl(instance, operation, fd, &raw mut event) } == 0 {
                return Ok(());
            }
            match io::Error::last_os_error().raw_os_error() {
                Some(libc::EEXIST) => {}
                Some(libc::EPERM) => return Ok(()),
                Some(code) => return Err(code),
                None => unreachable!("the error is the system's"),
            }
        }
        Err(libc::ENOENT)
    }

    pub(super) fn unwatch(&self, fd: RawFd, filter: i16) {
        let (instance, _) = self.direction(filter);
        // SAFETY: a null event is what a deletion takes. If the descriptor was closed, it is out already.
        unsafe { libc::epoll_ctl(instance, libc::EPOLL_CTL_DEL, fd, ptr::null_mut()) };
    }

    fn direction(&self, filter: i16) -> (RawFd, u32) {
        let edges = libc::EPOLLET as u32;
        if filter == EVFILT_READ {
            (self.input, (libc::EPOLLIN | libc::EPOLLRDHUP) as u32 | edges)
        } else {
            (self.output, libc::EPOLLOUT as u32 | edges)
        }
    }

    /// Hands over the watches with activity.
    pub(super) fn take(&self, mut tell: impl FnMut(u64)) {
        for instance in [self.input, self.output] {
            let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
            loop {
                // SAFETY: there is room for 64 events.
                let count = unsafe { libc::epoll_wait(instance, events.as_mut_ptr(), 64, 0) };
                let told = events.iter().take(count.max(0) as usize).map(|event| event.u64);
                told.filter(|&watch| watch != CHANGES).for_each(&mut tell);
                if count < 64 {
                    break;
                }
            }
        }
    }

    /// Waits for activity. An error is a signal that came first, or that the queue was closed.
    pub(super) fn wait(&self, pause: Option<Duration>) -> io::Result<()> {
        let entry = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let mut entries = [entry(self.input), entry(self.output)];
        let time = pause
            .map(|pause| libc::timespec { tv_sec: pause.as_secs() as _, tv_nsec: pause.subsec_nanos() as _ });
        let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: both entries and the time are valid for the call; there is no signal mask.
        match unsafe { libc::ppoll(entries.as_mut_ptr(), 2, time, ptr::null()) } {
            ..0 => Err(io::Error::last_os_error()),
            _ if entries.iter().any(|entry| entry.revents & libc::POLLNVAL != 0) => {
                Err(io::Error::from_raw_os_error(libc::EBADF))
            }
            _ => Ok(()),
        }
    }
}

/// What a number refers to, as far as can be told: duplicates look the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    pub(super) is_file: bool,
}

impl Identity {
    /// F, "ERRORS": EBADF, "The specified descriptor is invalid."
    pub(super) fn of(fd: RawFd) -> Result<Identity, c_int> {
        // SAFETY: plain data, for which all zeros is a value.
        let mut status: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: the buffer is valid for the call.
        if unsafe { libc::fstat(fd, &raw mut status) } < 0 {
            return Err(libc::EBADF);
        }
        let is_file = status.st_mode & libc::S_IFMT == libc::S_IFREG;
        Ok(Identity { device: status.st_dev, inode: status.st_ino, is_file })
    }
}

/// What is true of a descriptor now, as its filter says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Condition {
    pub(super) data: i64,
    pub(super) is_eof: bool,
    /// 0, or a socket's error.
    pub(super) error: u32,
}

impl Condition {
    /// `None`: it does not hold.
    pub(super) fn of(fd: RawFd, filter: i16, identity: Identity) -> Option<Condition> {
        match filter {
            EVFILT_READ if identity.is_file => Condition::of_file(fd),
            EVFILT_READ => Condition::of_input(fd),
            EVFILT_WRITE => Condition::of_output(fd),
            _ => None,
        }
    }

    /// F, "EVFILT_READ", vnodes: "Returns when the file pointer is not at the end of file. data contains the offset from
    /// current position to end of file, and may be negative."
    fn of_file(fd: RawFd) -> Option<Condition> {
        // SAFETY: plain data, for which all zeros is a value.
        let mut status: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: the buffer is valid for the call; the second takes no pointers.
        let position = unsafe {
            libc::fstat(fd, &raw mut status);
            libc::lseek(fd, 0, libc::SEEK_CUR)
        };
        let left = status.st_size - position;
        (left != 0).then_some(Condition { data: left, is_eof: false, error: 0 })
    }

    /// F, "EVFILT_READ", sockets: "return when there is data to be read, subject to the SO_RCVLOWAT value of the socket
    /// buffer"; "If the read direction of the socket has shutdown, then the filter also sets EV_EOF in flags, and returns
    /// the socket error (if any) in fflags." A listening one returns "when there is an incoming connection pending". Pipes:
    /// "When the last writer disconnects, the filter will set EV_EOF in flags."
    fn of_input(fd: RawFd) -> Option<Condition> {
        let now = poll(fd, libc::POLLIN | libc::POLLRDHUP);
        if now & (libc::POLLIN | libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR) == 0 {
            return None;
        }
        let mut bytes: c_int = 0;
        // SAFETY: the number is valid for the call. What counts no bytes leaves it.
        unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut bytes) };
        Some(Condition {
            data: bytes.into(),
            is_eof: now & (libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR) != 0,
            error: error_of(now),
        })
    }

    /// F, "EVFILT_WRITE": "returns whenever it is possible to write to the descriptor […] The filter will set EV_EOF when
    /// the reader disconnects".
    fn of_output(fd: RawFd) -> Option<Condition> {
        let now = poll(fd, libc::POLLOUT);
        if now & (libc::POLLOUT | libc::POLLHUP | libc::POLLERR) == 0 {
            return None;
        }
        Some(Condition { data: 1, is_eof: now & (libc::POLLHUP | libc::POLLERR) != 0, error: error_of(now) })
    }
}

/// To read the error would take it from the one whom it concerns.
fn error_of(events: i16) -> u32 {
    if events & libc::POLLERR != 0 { libc::ECONNRESET as u32 } else { 0 }
}

fn poll(fd: RawFd, events: i16) -> i16 {
    let mut entry = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: the entry is valid for the call.
    unsafe { libc::poll(&raw mut entry, 1, 0) };
    entry.revents
}
