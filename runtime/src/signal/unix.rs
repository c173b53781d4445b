//! Unix: a handler sets a flag and writes a byte, for which who waits reads.
//!
//! The byte comes after its flag, and is read before the flag is taken. So there are at least as many bytes to come, or
//! being acted upon, as there are flags, and nobody waits while a flag is set. A byte without a flag is only looked at in vain: who
//! finds a flag without having waited leaves its byte. A full socket has bytes enough.

use super::Signal;
use crate::io::unix::Watched;
use crate::primitive::unmodelled::{AtomicBool, Ordering};
use signal_hook::{SigId, flag, low_level};
use std::{
    fmt,
    io::{self, Read},
    mem::MaybeUninit,
    os::unix::net::UnixStream,
    ptr,
    sync::Arc,
};

/// The signals that every Unix has, and of which programs want to hear.
impl Signal {
    /// `SIGALRM`: a timer of `alarm` or `setitimer` has run out.
    pub const ALARM: Self = Self(libc::SIGALRM);
    /// `SIGCHLD`: a child process has ended, was stopped, or goes on.
    pub const CHILD: Self = Self(libc::SIGCHLD);
    /// `SIGCONT`: the process goes on after it was stopped.
    pub const CONTINUE: Self = Self(libc::SIGCONT);
    /// `SIGHUP`: the terminal is gone; by convention services read their configuration again.
    pub const HANGUP: Self = Self(libc::SIGHUP);
    /// `SIGINT`: Ctrl+C.
    pub const INTERRUPT: Self = Self(libc::SIGINT);
    /// `SIGPIPE`: nobody reads what was written. Rust's programs ignore it from their start, and get an error instead.
    pub const PIPE: Self = Self(libc::SIGPIPE);
    /// `SIGQUIT`: Ctrl+\.
    pub const QUIT: Self = Self(libc::SIGQUIT);
    /// `SIGTERM`: the process is asked to end.
    pub const TERMINATE: Self = Self(libc::SIGTERM);
    /// `SIGTSTP`: Ctrl+Z.
    pub const TERMINAL_STOP: Self = Self(libc::SIGTSTP);
    /// `SIGUSR1`.
    pub const USER1: Self = Self(libc::SIGUSR1);
    /// `SIGUSR2`.
    pub const USER2: Self = Self(libc::SIGUSR2);
    /// `SIGWINCH`: the terminal has another size.
    pub const WINDOW_CHANGE: Self = Self(libc::SIGWINCH);
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match low_level::signal_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

pub(super) const TERMINATION: [Signal; 2] = [Signal::INTERRUPT, Signal::TERMINATE];

const NOT_HEARD_OF: [i32; 6] =
    [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

#[derive(Debug)]
pub(super) struct Listener {
    kinds: Vec<Kind>,
    /// Has a byte for each signal.
    bytes: Watched<UnixStream>,
}

/// What the handler does for one signal.
#[derive(Debug)]
struct Kind {
    signal: Signal,
    has_come: Arc<AtomicBool>,
    actions: Vec<SigId>,
}

impl Drop for Kind {
    fn drop(&mut self) {
        for &action in &self.actions {
            low_level::unregister(action);
        }
    }
}

impl Listener {
    pub(super) fn new(signals: &[Signal]) -> io::Result<Self> {
        let (here, there) = UnixStream::pair()?;
        here.set_nonblocking(true)?;
        let kinds = signals.iter().map(|&signal| Kind::new(signal, &there)).collect::<io::Result<_>>()?;
        Ok(Self { kinds, bytes: Watched::new(here) })
    }

    pub(super) fn take(&self) -> Option<Signal> {
        let kind = self.kinds.iter().find(|kind| kind.has_come.swap(false, Ordering::SeqCst))?;
        Some(kind.signal)
    }

    /// Waits until a flag may be set.
    pub(super) fn wait(&self) -> io::Result<()> {
        self.bytes.when_readable(read_byte)
    }

    pub(super) async fn wait_async(&self) -> io::Result<()> {
        self.bytes.when_readable_async(read_byte).await
    }
}

fn read_byte(mut bytes: &UnixStream) -> io::Result<()> {
    // The other ends are the handler's for as long as there is the listener: the bytes don't end.
    bytes.read_exact(&mut [0])
}

impl Kind {
    fn new(signal: Signal, bytes: &UnixStream) -> io::Result<Self> {
        if NOT_HEARD_OF.contains(&signal.0) {
            let why = format!("{signal:?} is nothing that a program may go on after");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let mut kind = Self { signal, has_come: Arc::new(AtomicBool::new(false)), actions: Vec::new() };
        // They run in this order.
        kind.actions.push(flag::register(signal.0, Arc::clone(&kind.has_come))?);
        kind.actions.push(low_level::pipe::register(signal.0, bytes.try_clone()?)?);
        handle_on_signal_stacks(signal)?;
        Ok(kind)
    }
}

/// Has the handler run on the stack that a worker has for signals, rather than on a green thread's, which may be too small for it
/// (the kernel's part alone may take 11 KiB). The registry doesn't ask for that.
fn handle_on_signal_stacks(signal: Signal) -> io::Result<()> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: nothing is installed, and there is room for what is told.
    check(unsafe { libc::sigaction(signal.0, ptr::null(), action.as_mut_ptr()) })?;
    // SAFETY: the call has told it.
    let mut action = unsafe { action.assume_init() };
    if action.sa_flags & libc::SA_ONSTACK != 0 {
        return Ok(());
    }
    action.sa_flags |= libc::SA_ONSTACK;
    // SAFETY: it is the handler that is installed already, which works on any stack.
    check(unsafe { libc::sigaction(signal.0, &raw const action, ptr::null_mut()) })
}

fn check(status: libc::c_int) -> io::Result<()> {
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

pub(super) fn default_action(signal: Signal) -> io::Result<()> {
    low_level::emulate_default_handler(signal.0)
}
