//! What is to be started, and how.

use super::{Child, ExitStatus, Output, Stdio};
use std::{ffi::OsStr, fmt, future::Future, io, path::Path, process::Command as StdCommand};

/// Starts a process; std's, for green threads, futures and OS threads alike.
///
/// What std has beyond this, such as the extension traits of [`std::os`], is at hand by [`as_std_mut`](Command::as_std_mut), or
/// before it becomes one of these.
///
/// ```
/// use fibra::process::Command;
/// # #[cfg(unix)]
/// let status = fibra::run(|| Command::new("sh").args(["-c", "exit 3"]).status())?;
/// # #[cfg(unix)]
/// assert_eq!(status.code(), Some(3));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Command {
    std: StdCommand,
    kill_on_drop: bool,
    /// Whether somebody has said where these go.
    has_stdin: bool,
    has_stdout: bool,
    has_stderr: bool,
}

impl From<StdCommand> for Command {
    /// Where its standard streams go can't be seen from outside: say it here, for [`output`](Command::output).
    fn from(std: StdCommand) -> Self {
        Self { std, kill_on_drop: false, has_stdin: false, has_stdout: false, has_stderr: false }
    }
}

/// Passes on to std.
macro_rules! as_in_std {
    ($($(#[$doc:meta])* fn $name:ident $(<$($generic:ident: $bound:path),+>)? ($($argument:ident: $type:ty),*);)+) => {$(
        $(#[$doc])*
        pub fn $name $(<$($generic: $bound),+>)? (&mut self, $($argument: $type),*) -> &mut Self {
            self.std.$name($($argument),*);
            self
        }
    )+};
}

impl Command {
    /// The program of this name, found as std finds it, with this process' environment, folder and standard streams.
    pub fn new<S: AsRef<OsStr>>(program: S) -> Self {
        StdCommand::new(program).into()
    }

    as_in_std! {
        /// One more argument.
        fn arg<S: AsRef<OsStr>>(argument: S);
        /// A variable of its environment.
        fn env<K: AsRef<OsStr>, V: AsRef<OsStr>>(key: K, value: V);
        /// A variable that it doesn't get.
        fn env_remove<K: AsRef<OsStr>>(key: K);
        /// Nothing of this process' environment.
        fn env_clear();
        /// The folder that it starts in.
        fn current_dir<P: AsRef<Path>>(folder: P);
    }

    /// More arguments.
    pub fn args<S: AsRef<OsStr>>(&mut self, arguments: impl IntoIterator<Item = S>) -> &mut Self {
        self.std.args(arguments);
        self
    }

    /// More variables.
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        &mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> &mut Self {
        self.std.envs(variables);
        self
    }

    /// Where it reads from. Unless this is called it is where this process reads from; for [`output`](Command::output), nowhere.
    pub fn stdin(&mut self, from: impl Into<Stdio>) -> &mut Self {
        self.std.stdin(from);
        self.has_stdin = true;
        self
    }

    /// Where it writes to. Unless this is called it is where this process writes to; for [`output`](Command::output), a pipe.
    pub fn stdout(&mut self, to: impl Into<Stdio>) -> &mut Self {
        self.std.stdout(to);
        self.has_stdout = true;
        self
    }

    /// Where it writes its errors to; as [`stdout`](Command::stdout).
    pub fn stderr(&mut self, to: impl Into<Stdio>) -> &mut Self {
        self.std.stderr(to);
        self.has_stderr = true;
        self
    }

    /// Whether a child is killed when its [`Child`] is dropped before it was waited for, also by a cancelled
    /// [`output`](Command::output), or by a dropped future of one. Not, unless this is called.
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use fibra::{process::Command, time::timeout};
    /// use std::time::Duration;
    /// fibra::run(|| {
    ///     let late = timeout(Duration::from_millis(1), || Command::new("sleep").arg("9").kill_on_drop(true).status());
    ///     assert!(!matches!(late, Ok(Ok(_))));
    /// });
    /// # Ok(()) }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn kill_on_drop(&mut self, kill: bool) -> &mut Self {
        self.kill_on_drop = kill;
        self
    }

    /// Starts it, and doesn't wait for it.
    ///
    /// # Errors
    ///
    /// As in std: `NotFound`, `PermissionDenied`, …
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point.
    pub fn spawn(&mut self) -> io::Result<Child> {
        Ok(Child::new(self.std.spawn()?, self.kill_on_drop))
    }

    /// Starts it, and waits for its end.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Command::spawn) and [`Child::wait`].
    ///
    /// # Cancellation
    ///
    /// A cancellation point. The child goes on, unless it is to be [killed](Command::kill_on_drop).
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait()
    }

    /// The same for futures. It is started by the call.
    ///
    /// # Errors
    ///
    /// As [`status`](Command::status).
    ///
    /// # Cancellation
    ///
    /// Dropping the future lets the child go on, unless it is to be [killed](Command::kill_on_drop).
    pub fn status_async(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + Send + use<> {
        let child = self.spawn();
        async { child?.wait_async().await }
    }

    /// Starts it, and waits for its end and for all that it has written.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Command::spawn) and [`Child::wait_with_output`].
    ///
    /// # Cancellation
    ///
    /// A cancellation point. The child goes on, unless it is to be [killed](Command::kill_on_drop); what it has written is lost.
    pub fn output(&mut self) -> io::Result<Output> {
        self.spawn_for_output()?.wait_with_output()
    }

    /// The same for futures. It is started by the call.
    ///
    /// # Errors
    ///
    /// As [`output`](Command::output).
    ///
    /// # Cancellation
    ///
    /// Dropping the future lets the child go on, unless it is to be [killed](Command::kill_on_drop); what it has written is lost.
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// let version = fibra::block_on(fibra::process::Command::new("uname").output_async())?;
    /// assert!(version.status.success() && !version.stdout.is_empty());
    /// # Ok(()) }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn output_async(&mut self) -> impl Future<Output = io::Result<Output>> + Send + use<> {
        let child = self.spawn_for_output();
        async { child?.wait_with_output_async().await }
    }

    /// Its pipes are this child's alone: the next one of the command has what its own start says.
    fn spawn_for_output(&mut self) -> io::Result<Child> {
        self.set_what_nobody_has_said(Stdio::null, Stdio::piped);
        let child = self.spawn();
        self.set_what_nobody_has_said(Stdio::inherit, Stdio::inherit);
        child
    }

    fn set_what_nobody_has_said(&mut self, input: fn() -> Stdio, output: fn() -> Stdio) {
        if !self.has_stdin {
            self.std.stdin(input());
        }
        if !self.has_stdout {
            self.std.stdout(output());
        }
        if !self.has_stderr {
            self.std.stderr(output());
        }
    }

    /// As std knows it.
    pub fn as_std(&self) -> &StdCommand {
        &self.std
    }

    /// As std knows it, to be changed there. Where its standard streams go is said here.
    pub fn as_std_mut(&mut self) -> &mut StdCommand {
        &mut self.std
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std.fmt(f)
    }
}
