//! Servers that are programs of their own.

use std::process::{Child, Command, Stdio};
use std::{fs, io};

use fibra_system::affinity::{self, CpuSet};

use super::cores;
use crate::children::Ending;

/// A server that runs until this is dropped, or the thread that started it ends.
pub struct ServerProcess(Child);

impl ServerProcess {
    /// Starts `command`, on the first core if it has one worker, as [`serve_here`](super::serve_here) does.
    ///
    /// # Errors
    ///
    /// When the program can't be started, or processes can't be bound to cores.
    pub fn start(command: &mut Command, workers: usize) -> io::Result<Self> {
        Ending::Asked.with_parent(command);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let Some(first) = cores().first().copied().filter(|_| workers == 1) else {
            return Ok(Self(command.spawn()?));
        };
        let before = affinity::current()?;
        affinity::set_current(&CpuSet::of(first))?;
        let child = command.spawn();
        affinity::set_current(&before)?;
        Ok(Self(child?))
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The numbers of the processes that it has started.
    ///
    /// # Errors
    ///
    /// When the system doesn't tell.
    pub fn children(&self) -> io::Result<Vec<u32>> {
        let id = self.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        children.split_whitespace().map(|child| child.parse().map_err(io::Error::other)).collect()
    }

    fn end(&mut self) -> io::Result<()> {
        let id = libc::pid_t::try_from(self.id()).map_err(io::Error::other)?;
        // SAFETY: `kill` takes no pointer. The process is our child and not yet waited for, so the number is still its.
        if unsafe { libc::kill(id, libc::SIGTERM) } != 0 {
            return Err(io::Error::last_os_error());
        }
        self.0.wait().map(drop)
    }
}

impl Drop for ServerProcess {
    /// It is asked to end, not killed: it may have children of its own to end.
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("the server {} was left behind: {error}", self.id());
        }
    }
}
