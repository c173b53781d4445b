//! Windows: the system calls a handler on a thread of its own, which sets a flag and tells who waits.

use super::Signal;
use crate::primitive::unmodelled::{AtomicU32, Ordering};
use crate::sync::Notify;
use crate::wait::wait_for_io;
use std::{
    fmt, io, process,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
};
use windows_sys::{
    Win32::System::Console::{
        CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT,
        SetConsoleCtrlHandler,
    },
    core::BOOL,
};

/// What the console says.
impl Signal {
    /// Ctrl+Break.
    pub const BREAK: Self = Self(CTRL_BREAK_EVENT as i32);
    /// The console's window is closed. The system ends the process some seconds later.
    pub const CLOSE: Self = Self(CTRL_CLOSE_EVENT as i32);
    /// Ctrl+C.
    pub const INTERRUPT: Self = Self(CTRL_C_EVENT as i32);
    /// A user logs off; only services hear of it. The system ends the process some seconds later.
    pub const LOGOFF: Self = Self(CTRL_LOGOFF_EVENT as i32);
    /// The system goes down; only services hear of it. The system ends the process some seconds later.
    pub const SHUTDOWN: Self = Self(CTRL_SHUTDOWN_EVENT as i32);

    /// Whether the process is ended when its handler has returned.
    fn ends_the_process(self) -> bool {
        matches!(self, Self::CLOSE | Self::LOGOFF | Self::SHUTDOWN)
    }

    fn bit(self) -> u32 {
        1 << self.0
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::BREAK => "CTRL_BREAK_EVENT",
            Self::CLOSE => "CTRL_CLOSE_EVENT",
            Self::INTERRUPT => "CTRL_C_EVENT",
            Self::LOGOFF => "CTRL_LOGOFF_EVENT",
            Self::SHUTDOWN => "CTRL_SHUTDOWN_EVENT",
            _ => return write!(f, "console event {}", self.0),
        })
    }
}

pub(super) const TERMINATION: [Signal; 5] =
    [Signal::INTERRUPT, Signal::BREAK, Signal::CLOSE, Signal::LOGOFF, Signal::SHUTDOWN];

#[derive(Debug)]
pub(super) struct Listener(Arc<Heard>);

#[derive(Debug)]
struct Heard {
    /// A bit for each signal that is wanted.
    wanted: u32,
    /// A bit for each that has come.
    come: AtomicU32,
    /// Told after a bit was set. Who waits looks at the bits first.
    news: Notify,
}

impl Listener {
    pub(super) fn new(signals: &[Signal]) -> io::Result<Self> {
        if let Some(unknown) = signals.iter().find(|signal| !TERMINATION.contains(signal)) {
            let why = format!("there is no {unknown:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let wanted = signals.iter().fold(0, |bits, signal| bits | signal.bit());
        let heard = Arc::new(Heard { wanted, come: AtomicU32::new(0), news: Notify::new() });
        Console::lock().add(&heard)?;
        Ok(Self(heard))
    }

    pub(super) fn take(&self) -> Option<Signal> {
        let come = self.0.come.load(Ordering::SeqCst);
        TERMINATION.into_iter().filter(|signal| come & signal.bit() != 0).find(|signal| {
            // Somebody else may have taken it meanwhile.
            self.0.come.fetch_and(!signal.bit(), Ordering::SeqCst) & signal.bit() != 0
        })
    }

    pub(super) fn wait(&self) -> io::Result<()> {
        let mut notified = std::pin::pin!(self.0.news.notified_async());
        wait_for_io(|context| notified.as_mut().poll(context).map(Ok))
    }

    pub(super) async fn wait_async(&self) -> io::Result<()> {
        self.0.news.notified_async().await;
        Ok(())
    }
}

/// Who wants to hear of the console.
struct Console {
    is_handled: bool,
    listeners: Vec<Weak<Heard>>,
}

impl Console {
    fn lock() -> MutexGuard<'static, Self> {
        static CONSOLE: Mutex<Console> = Mutex::new(Console { is_handled: false, listeners: Vec::new() });
        CONSOLE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&mut self, heard: &Arc<Heard>) -> io::Result<()> {
        if !self.is_handled {
            // SAFETY: `handle` is a function of this program, and unwinds into nobody.
            if unsafe { SetConsoleCtrlHandler(Some(handle), 1) } == 0 {
                return Err(io::Error::last_os_error());
            }
            self.is_handled = true;
        }
        self.listeners.retain(|listener| listener.strong_count() != 0);
        self.listeners.push(Arc::downgrade(heard));
        Ok(())
    }

    fn who_wants(&self, signal: Signal) -> Vec<Arc<Heard>> {
        let listeners = self.listeners.iter().filter_map(Weak::upgrade);
        listeners.filter(|heard| heard.wanted & signal.bit() != 0).collect()
    }
}

/// Called by the system, on a thread of its own. Returns whether somebody has heard of it: if not, the system does what it would.
extern "system" fn handle(event: u32) -> BOOL {
    let signal = Signal(event as i32);
    if !TERMINATION.contains(&signal) {
        return 0;
    }
    let listeners = Console::lock().who_wants(signal);
    for heard in &listeners {
        heard.come.fetch_or(signal.bit(), Ordering::SeqCst);
        heard.news.notify_one();
    }
    if signal.ends_the_process() && !listeners.is_empty() {
        // Until the program has ended by itself, or the system has lost its patience.
        loop {
            thread::park();
        }
    }
    BOOL::from(!listeners.is_empty())
}

pub(super) fn default_action(_: Signal) -> io::Result<()> {
    /// What a program ends with that Ctrl+C has ended: `STATUS_CONTROL_C_EXIT`.
    const ENDED_BY_CONSOLE: i32 = 0xC000_013A_u32 as i32;
    process::exit(ENDED_BY_CONSOLE)
}
