//! The errors that a runtime as a whole can end in.

use fibra_coro::StackError;
use std::{error::Error, fmt, io};

/// A green thread could not have the stack that it needs: its `join` returns this as the payload.
///
/// Sizes that can never work are refused when the thread is spawned; this is what is left: no memory, or no
/// address space, at the moment when the thread was to start.
///
/// ```
/// # fn report(outcome: std::thread::Result<()>) {
/// if let Err(payload) = outcome && let Some(error) = payload.downcast_ref::<fibra::StackUnavailable>() {
///     eprintln!("too many threads: {error}");
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct StackUnavailable {
    source: StackError,
}

impl StackUnavailable {
    pub(crate) fn new(source: StackError) -> Self {
        Self { source }
    }
}

impl fmt::Display for StackUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no stack for a green thread: {}", self.source)
    }
}

impl Error for StackUnavailable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// A runtime's shutdown ran out of time. What is named is still alive; it, and all that it might touch, is leaked.
#[derive(Debug)]
pub struct ShutdownError {
    alive: usize,
    listed: usize,
    named: Vec<String>,
}

impl ShutdownError {
    /// So many are alive, so many of them are in a list, and these are the first of those.
    pub(crate) fn new(alive: usize, listed: usize, named: Vec<String>) -> Self {
        Self { alive, listed, named }
    }

    /// How many tasks are still alive.
    pub fn alive(&self) -> usize {
        self.alive
    }
}

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} task(s) did not end in time: {}", self.alive, self.named.join(", "))?;
        if self.listed > self.named.len() {
            f.write_str(", …")?;
        }
        match self.alive - self.listed {
            0 => Ok(()),
            others => {
                let and = if self.listed == 0 { "" } else { ", and " };
                write!(f, "{and}{others} unnamed, running or queued, that never waited")
            }
        }
    }
}

impl Error for ShutdownError {}

/// Why a runtime did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum RuntimeError {
    /// A setting can't be used: of the builder, or of the environment. The text says which, and what is expected.
    Setting(String),
    /// No backend could be started, or not the one that was asked for.
    Driver(io::Error),
    /// An OS thread could not be started.
    Thread(io::Error),
    /// The first stack could not be had.
    Stack(StackError),
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuntimeError::Setting(text) => f.write_str(text),
            RuntimeError::Driver(error) => write!(f, "the runtime's driver did not start: {error}"),
            RuntimeError::Thread(error) => write!(f, "a worker's thread did not start: {error}"),
            RuntimeError::Stack(error) => write!(f, "no stack for a worker: {error}"),
        }
    }
}

impl Error for RuntimeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            RuntimeError::Setting(_) => None,
            RuntimeError::Driver(error) | RuntimeError::Thread(error) => Some(error),
            RuntimeError::Stack(error) => Some(error),
        }
    }
}

impl From<RuntimeError> for io::Error {
    fn from(error: RuntimeError) -> Self {
        io::Error::other(error)
    }
}
