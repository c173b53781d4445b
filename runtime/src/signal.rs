//! Signals, and what the console says: waited for as anything else is.
//!
//! ```no_run
//! use fibra::signal::{Signal, Signals};
//! fibra::run(|| -> std::io::Result<()> {
//!     let ends = Signals::termination()?;
//!     fibra::thread::spawn(|| { /* serves */ });
//!     println!("{:?}: ends in an orderly way", ends.recv()?);
//!     Ok(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! | | Unix | Windows |
//! | --- | --- | --- |
//! | [`Signal::INTERRUPT`] | `SIGINT` | Ctrl+C |
//! | [`Signals::termination`] | `SIGINT`, `SIGTERM` | Ctrl+C, Ctrl+Break, the window is closed, the user logs off, the system goes down |
//! | all others | constants of [`Signal`] and [`Signal::from_raw`] | constants of [`Signal`] |
//!
//! What a signal does by itself, such as ending the process, it does no more from the first [`Signals`] for it on. On Unix that is
//! so until the process ends: the system's action would come back for all who have installed something, not for us alone. On
//! Windows it is so as long as somebody wants to hear of it.
//!
//! Each [`Signals`] hears of all that it was made for, whoever else does. Several of a kind that come before anybody has looked
//! are one, as the kernel itself has it.

#[cfg(unix)]
#[path = "signal/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "signal/windows.rs"]
mod system;

use std::io;

/// A kind of signal. Which there are is the system's affair; [`INTERRUPT`](Signal::INTERRUPT) is everywhere.
///
/// ```
/// use fibra::signal::Signal;
/// assert_ne!(Signal::INTERRUPT, Signal::from_raw(1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(i32);

impl Signal {
    /// By the system's number: `SIGINT` is 2 on Unix, `CTRL_C_EVENT` 0 on Windows. Whether there is such a signal, and whether it
    /// may be heard of, [`Signals::new`] says.
    ///
    /// ```
    /// # #[cfg(unix)]
    /// assert_eq!(fibra::signal::Signal::from_raw(15), fibra::signal::Signal::TERMINATE);
    /// ```
    pub const fn from_raw(number: i32) -> Self {
        Self(number)
    }

    /// The system's number.
    ///
    /// ```
    /// use fibra::signal::Signal;
    /// assert_eq!(Signal::from_raw(Signal::INTERRUPT.as_raw()), Signal::INTERRUPT);
    /// ```
    pub const fn as_raw(self) -> i32 {
        self.0
    }

    /// Does what the signal would do if nobody had asked to hear of it: mostly, the process ends, and whoever has started it sees
    /// by what. For a second Ctrl+C, while the first one's orderly end takes too long.
    ///
    /// # Errors
    ///
    /// The system's. Returns at all only if the signal's action doesn't end the process, or if it stops it, and somebody lets
    /// it go on.
    ///
    /// ```no_run
    /// # use fibra::signal::{Signal, Signals};
    /// # fn main() -> std::io::Result<()> {
    /// let ends = Signals::termination()?;
    /// let first = ends.recv()?;
    /// std::thread::spawn(move || ends.recv().and_then(Signal::default_action));
    /// # let _ = first; Ok(()) }
    /// ```
    pub fn default_action(self) -> io::Result<()> {
        system::default_action(self)
    }
}

/// Hears of signals, from when it is made until it is dropped.
///
/// May be shared: who waits for one is told of one. Works from green threads, futures and OS threads, without a runtime too.
///
/// ```
/// use fibra::signal::{Signal, Signals};
/// let signals = Signals::new([Signal::INTERRUPT])?;
/// assert_eq!(signals.try_recv(), None);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Signals {
    listener: system::Listener,
}

impl Signals {
    /// Hears of the `signals` from now on.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for none at all, and for what is no signal, or can't be heard of: on Unix those that can't be caught
    /// (`SIGKILL`, `SIGSTOP`) and those of a fault (`SIGSEGV`, `SIGBUS`, `SIGILL`, `SIGFPE`), after which the code that has it
    /// can't go on. Otherwise the system's: on Unix this takes a descriptor, and one more for each signal.
    ///
    /// ```
    /// use fibra::signal::{Signal, Signals};
    /// # #[cfg(unix)]
    /// assert!(Signals::new([Signal::INTERRUPT, Signal::from_raw(9)]).is_err());
    /// ```
    pub fn new(signals: impl IntoIterator<Item = Signal>) -> io::Result<Self> {
        let mut wanted: Vec<_> = signals.into_iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no signal to hear of"));
        }
        Ok(Self { listener: system::Listener::new(&wanted)? })
    }

    /// Hears of all that ask the process to end in an orderly way; see the table [above](self).
    ///
    /// On Windows the system ends the process some seconds after the last three of them, whatever it does; until then they wait
    /// for it.
    ///
    /// # Errors
    ///
    /// As [`new`](Signals::new).
    ///
    /// ```
    /// let ends = fibra::signal::Signals::termination()?;
    /// assert!(ends.try_recv().is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn termination() -> io::Result<Self> {
        Self::new(system::TERMINATION)
    }

    /// A signal that has come, if one has, without waiting.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let signals = fibra::signal::Signals::termination()?;
    /// while signals.try_recv().is_none() {
    ///     // computes
    /// #   break;
    /// }
    /// # Ok(()) }
    /// ```
    pub fn try_recv(&self) -> Option<Signal> {
        self.listener.take()
    }

    /// Waits for a signal.
    ///
    /// # Errors
    ///
    /// Those of waiting: a cancel, above all.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. A signal that came meanwhile is there for the next one who asks.
    ///
    /// ```no_run
    /// use fibra::signal::{Signal, Signals};
    /// # #[cfg(unix)] {
    /// let signals = Signals::new([Signal::INTERRUPT, Signal::HANGUP])?;
    /// while signals.recv()? == Signal::HANGUP {
    ///     println!("reads its configuration again");
    /// }
    /// # }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv(&self) -> io::Result<Signal> {
        loop {
            match self.listener.take() {
                Some(signal) => return Ok(signal),
                None => self.listener.wait()?,
            }
        }
    }

    /// The same for futures.
    ///
    /// # Errors
    ///
    /// Those of waiting.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no signal.
    ///
    /// ```no_run
    /// # async fn wait() -> std::io::Result<()> {
    /// let signal = fibra::signal::Signals::termination()?.recv_async().await?;
    /// println!("{signal:?}");
    /// # Ok(()) }
    /// ```
    pub async fn recv_async(&self) -> io::Result<Signal> {
        loop {
            match self.listener.take() {
                Some(signal) => return Ok(signal),
                None => self.listener.wait_async().await?,
            }
        }
    }
}

/// Waits for one Ctrl+C, which is `SIGINT` on Unix, that comes after the call. Between two calls one is lost: whoever wants more
/// than one makes [`Signals`].
///
/// # Errors
///
/// As [`Signals::new`] and [`Signals::recv`].
///
/// # Cancellation
///
/// A cancellation point.
///
/// ```no_run
/// fibra::run(|| {
///     println!("serves until Ctrl+C");
///     fibra::signal::ctrl_c()
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn ctrl_c() -> io::Result<()> {
    Signals::new([Signal::INTERRUPT])?.recv().map(drop)
}

/// The same for futures; it counts from the first poll on.
///
/// # Errors
///
/// As [`Signals::new`] and [`Signals::recv_async`].
///
/// # Cancellation
///
/// Dropping the future loses a signal that had come, and that nobody else hears of.
///
/// ```no_run
/// # async fn wait() -> std::io::Result<()> {
/// fibra::signal::ctrl_c_async().await?;
/// # Ok(()) }
/// ```
pub async fn ctrl_c_async() -> io::Result<()> {
    Signals::new([Signal::INTERRUPT])?.recv_async().await.map(drop)
}
