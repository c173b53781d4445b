//! Operations on a thread that has no driver: plain system calls that block.
//!
//! ```text
//!   no deadline   the call itself, blocking; if the descriptor is in non-blocking mode: poll, then again
//!   deadline      poll until it is ready or the time is over, then the call, told not to wait
//! ```

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::attempt::{no_event_tells, switch_mode};
use super::os;
use super::system_calls::{self, Mode, call};
use crate::op::{Interest, Op};

impl Op {
    /// Does the operation right here, by blocking system calls: for a thread without a driver.
    ///
    /// A descriptor in non-blocking mode is waited for all the same.
    ///
    /// # Errors
    ///
    /// Those of the operation, and [`TimedOut`](io::ErrorKind::TimedOut) if it was not done by the deadline. A deadline
    /// bounds waits for sockets, pipes and the like, not those for disks. A connect that timed out leaves its socket in an
    /// unspecified state.
    ///
    /// # Safety
    ///
    /// What the operation points to is valid, and its descriptor open, until this returns.
    ///
    /// ```
    /// use fibra_driver::{Op, Target};
    /// use std::os::fd::AsRawFd;
    /// use std::time::{Duration, Instant};
    /// let (a, b) = std::os::unix::net::UnixStream::pair()?;
    /// let mut buffer = [0u8; 8];
    /// let fd = Target::foreign(a.as_raw_fd());
    /// let op = Op::Recv { fd, buffer: buffer.as_mut_ptr(), len: buffer.len(), flags: 0 };
    /// // SAFETY: the buffer and the socket outlive the call.
    /// let result = unsafe { op.perform_blocking(Some(Instant::now() + Duration::from_millis(1))) };
    /// assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub unsafe fn perform_blocking(&self, deadline: Option<Instant>) -> io::Result<u32> {
        // SAFETY: valid by contract, or null.
        if let Some(peer) = unsafe { self.peer().as_mut() } {
            peer.clear();
        }
        // SAFETY: the same contract.
        unsafe {
            match (self, deadline) {
                (Op::Timeout { deadline: end }, _) => sleep_until(*end, deadline),
                (Op::Poll { fd, interest }, _) => wait_ready(fd.fd(), *interest, deadline),
                (Op::Connect { .. }, Some(deadline)) => connect(self, deadline),
                (_, Some(deadline)) if waits_for_a_peer(self) => perform_by(self, deadline),
                _ => perform(self),
            }
        }
    }
}

/// Whether the operation is one that another party may keep waiting for ever.
fn waits_for_a_peer(op: &Op) -> bool {
    op.target().is_some() && !matches!(op, Op::Sync { .. } | Op::Shutdown { .. })
}

/// # Safety
///
/// Of [`Op::perform_blocking`].
unsafe fn perform(op: &Op) -> io::Result<u32> {
    let mut connecting = false;
    loop {
        // SAFETY: the same contract.
        let error = match unsafe { call(op, Mode::Blocking) } {
            Ok(result) => return Ok(result),
            Err(error) => error,
        };
        let connects = matches!(op, Op::Connect { .. });
        match (error.raw_os_error(), op.target()) {
            // An interrupted connect goes on by itself; asking again would only say so.
            (Some(libc::EINTR), Some(target)) if connects => {
                connecting = true;
                wait_ready(target.fd(), Interest::WRITABLE, None)?;
            }
            // A close that was interrupted has closed: the number may be another's by now.
            (Some(libc::EINTR), _) if matches!(op, Op::Close { .. }) => return Ok(0),
            (Some(libc::EINTR), _) => {}
            (Some(libc::EISCONN), _) if connecting => return Ok(0),
            (Some(libc::EINPROGRESS | libc::EALREADY), Some(target)) if connects => {
                connecting = true;
                wait_ready(target.fd(), Interest::WRITABLE, None)?;
            }
            // A local socket whose peer has a full backlog: there is nothing to poll for.
            (Some(libc::EAGAIN), _) if connects => thread::sleep(Duration::from_millis(1)),
            (Some(libc::EAGAIN), Some(target)) if !op.refuses_to_wait() => {
                wait_ready(target.fd(), op.interest(), None)?;
            }
            _ => return Err(error),
        }
    }
}

/// # Safety
///
/// Of [`Op::perform_blocking`].
unsafe fn perform_by(op: &Op, deadline: Instant) -> io::Result<u32> {
    let Some(fd) = op.target().filter(|_| os::MANNER.goes_by_mode(op)) else {
        // SAFETY: the same contract.
        return unsafe { perform_when_ready(op, deadline) };
    };
    // Another thread may take what is there between the poll and the call, which then must not wait.
    let switched = switch_mode(fd)?;
    // SAFETY: the same contract.
    let result = unsafe { perform_when_ready(op, deadline) };
    if switched {
        system_calls::set_nonblocking(fd.fd(), false)?;
    }
    result
}

/// # Safety
///
/// Of [`Op::perform_blocking`].
unsafe fn perform_when_ready(op: &Op, deadline: Instant) -> io::Result<u32> {
    let fd = op.target().map_or(-1, |target| target.fd());
    loop {
        if !op.refuses_to_wait() {
            wait_ready(fd, op.interest(), Some(deadline))?;
        }
        // SAFETY: the same contract.
        match unsafe { call(op, Mode::NonBlocking) } {
            Err(error) => match error.raw_os_error() {
                Some(libc::EINTR) => {}
                // SAFETY: the same contract.
                Some(libc::EAGAIN) if unsafe { no_event_tells(op) } => {
                    sleep_until(Instant::now() + Duration::from_millis(1), Some(deadline))?;
                }
                Some(libc::EAGAIN) if !op.refuses_to_wait() => {}
                // The descriptor knows no such flag. It is ready, so that the call will hardly wait.
                // SAFETY: the same contract.
                Some(libc::EOPNOTSUPP) => return unsafe { perform(op) },
                _ => return Err(error),
            },
            result => return result,
        }
    }
}

/// # Safety
///
/// Of [`Op::perform_blocking`].
unsafe fn connect(op: &Op, deadline: Instant) -> io::Result<u32> {
    let fd = op.target().map_or(-1, |target| target.fd());
    let switched = system_calls::set_nonblocking(fd, true)?;
    // SAFETY: the same contract.
    let result = unsafe { connect_nonblocking(op, fd, deadline) };
    if switched {
        system_calls::set_nonblocking(fd, false)?;
    }
    result
}

/// # Safety
///
/// Of [`Op::perform_blocking`].
unsafe fn connect_nonblocking(op: &Op, fd: i32, deadline: Instant) -> io::Result<u32> {
    let mut connecting = false;
    loop {
        // SAFETY: the same contract.
        match unsafe { call(op, Mode::NonBlocking) } {
            Err(error) => match error.raw_os_error() {
                Some(libc::EINPROGRESS | libc::EALREADY | libc::EINTR) => {
                    connecting = true;
                    wait_ready(fd, Interest::WRITABLE, Some(deadline))?;
                }
                Some(libc::EISCONN) if connecting => return Ok(0),
                Some(libc::EAGAIN) => {
                    sleep_until(Instant::now() + Duration::from_millis(1), Some(deadline))?;
                }
                _ => return Err(error),
            },
            result => return result,
        }
    }
}

/// Waits for a descriptor. Returns what it is ready for.
fn wait_ready(fd: i32, interest: Interest, deadline: Option<Instant>) -> io::Result<u32> {
    loop {
        let pause = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match system_calls::poll(fd, interest, pause) {
            Err(error) => match error.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::EAGAIN) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Some(libc::EAGAIN) => {}
                _ => return Err(error),
            },
            ready => return ready,
        }
    }
}

/// Sleeps until `end`, unless `deadline` is earlier.
fn sleep_until(end: Instant, deadline: Option<Instant>) -> io::Result<u32> {
    let until = deadline.map_or(end, |deadline| deadline.min(end));
    loop {
        let now = Instant::now();
        if now >= until {
            return if until == end { Ok(0) } else { Err(io::ErrorKind::TimedOut.into()) };
        }
        thread::sleep(until - now);
    }
}
