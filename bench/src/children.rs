//! This program, started again: for a sample, or as another party in one.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::{env, io};

/// What stands before this crate's own arguments on the command line, such as `bench` of `fibra bench`.
static PREFIX: OnceLock<Vec<String>> = OnceLock::new();

/// Says, once and before any child is started, what leads to this crate's arguments.
pub fn begin_with(prefix: &[&str]) {
    PREFIX.get_or_init(|| prefix.iter().copied().map(str::to_owned).collect());
}

/// A command that runs this program with the options that are added to it, without input.
///
/// The child ends when the thread that starts it does, however that ends: a run that is interrupted leaves nobody behind
/// who still takes processor time or holds a port.
///
/// # Errors
///
/// When the system doesn't tell where this program lies.
pub fn this_program() -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(PREFIX.get().into_iter().flatten()).stdin(Stdio::null());
    Ending::Killed.with_parent(&mut command);
    Ok(command)
}

/// How a child is to end when its parent does.
#[derive(Clone, Copy)]
pub enum Ending {
    /// By force.
    Killed,
    /// In its own way, which may be to end children of its own.
    #[cfg(feature = "peers")]
    Asked,
}

impl Ending {
    /// Has the kernel end the command's process when the thread that starts it has ended.
    pub fn with_parent(self, command: &mut Command) {
        let signal = match self {
            Ending::Killed => libc::SIGKILL,
            #[cfg(feature = "peers")]
            Ending::Asked => libc::SIGTERM,
        };
        let ask_the_kernel = move || {
            // SAFETY: this option takes a signal's number and touches no memory.
            match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        };
        // SAFETY: between `fork` and `exec` the closure makes one system call and reads `errno`, both async-signal-safe,
        // and it allocates nothing.
        unsafe { command.pre_exec(ask_the_kernel) };
    }
}
