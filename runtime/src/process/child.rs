//! A process that was started here.

use super::{
    ChildStderr, ChildStdin, ChildStdout, ExitStatus, Output,
    ending::{Ending, LEAVES_A_ZOMBIE},
};
use crate::{future, scheduler::start, wait::wait_for_io};
use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    pin::pin,
    process::Child as StdChild,
    task::Poll,
};

/// A process that was started by a [`Command`](super::Command).
///
/// Dropping it lets the process go on; see [above](super).
///
/// ```
/// # #[cfg(unix)]
/// # fn main() -> std::io::Result<()> {
/// use fibra::{process::Command, time::timeout};
/// use std::time::Duration;
/// fibra::run(|| {
///     let mut child = Command::new("sleep").arg("9").spawn()?;
///     let late = timeout(Duration::from_millis(1), || child.wait());
///     assert!(!matches!(late, Ok(Ok(_))));
///     child.kill()?;
///     assert!(!child.wait()?.success());
///     Ok(())
/// })
/// # }
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
pub struct Child {
    /// Where it reads from, if that is a pipe.
    pub stdin: Option<ChildStdin>,
    /// Where it writes to, if that is a pipe.
    pub stdout: Option<ChildStdout>,
    /// Where it writes its errors to, if that is a pipe.
    pub stderr: Option<ChildStderr>,
    /// There until the child is dropped.
    process: Option<Process>,
    kill_on_drop: bool,
}

struct Process {
    std: StdChild,
    /// What tells of its end, if somebody is waiting for it.
    ending: Option<Ending>,
}

impl Child {
    pub(super) fn new(mut std: StdChild, kill_on_drop: bool) -> Self {
        Self {
            stdin: std.stdin.take().map(Into::into),
            stdout: std.stdout.take().map(Into::into),
            stderr: std.stderr.take().map(Into::into),
            process: Some(Process { std, ending: None }),
            kill_on_drop,
        }
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the process is taken when the child is dropped")
    }

    /// The system's number for it. Once it was waited for, the number may become another process'.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("the process is taken when the child is dropped").std.id()
    }

    /// Ends it: by `SIGKILL`, or by `TerminateProcess`. It remains to be waited for.
    ///
    /// # Errors
    ///
    /// The system's. None, if it was waited for already.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process().std.kill()
    }

    /// How it has ended, if it has.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process().try_wait()
    }

    /// Closes its standard input, if that is here still, and waits for its end. As often as one likes: how it has ended stays known.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// A cancellation point, unless it has ended already. It goes on, and can be waited for again.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        self.process().wait()
    }

    /// The same for futures.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the child as it is, but for its standard input.
    pub fn wait_async(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + Send {
        drop(self.stdin.take());
        self.process().wait_async()
    }

    /// Closes its standard input, reads the other two to their ends where they are pipes, and waits for its end.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. What was read is lost, and the child is dropped.
    pub fn wait_with_output(self) -> io::Result<Output> {
        let mut output = pin!(self.wait_with_output_async());
        wait_for_io(|context| output.as_mut().poll(context))
    }

    /// The same for futures.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses what was read, and drops the child.
    pub async fn wait_with_output_async(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let stdout = self.stdout.take().map(|pipe| pipe.read_to_end_async());
        let stderr = self.stderr.take().map(|pipe| pipe.read_to_end_async());
        // Together: who waits for one pipe's end must not leave the child waiting for room in the other.
        let (stdout, stderr) = both(what_is_read(stdout), what_is_read(stderr)).await;
        let status = self.process().wait_async().await?;
        Ok(Output { status, stdout: stdout?, stderr: stderr? })
    }
}

impl Process {
    fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.std.try_wait()?;
        if status.is_some() {
            self.ending = None;
        }
        Ok(status)
    }

    fn wait(&mut self) -> io::Result<ExitStatus> {
        loop {
            match self.try_wait()? {
                Some(status) => return Ok(status),
                None => self.ending().wait()?,
            }
        }
    }

    async fn wait_async(&mut self) -> io::Result<ExitStatus> {
        loop {
            match self.try_wait()? {
                Some(status) => return Ok(status),
                None => self.ending().wait_async().await?,
            }
        }
    }

    fn ending(&mut self) -> &mut Ending {
        self.ending.get_or_insert_with(|| Ending::of(&self.std))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        if self.kill_on_drop {
            // Whoever can't be killed has ended, or isn't ours to kill any more.
            let _ = process.std.kill();
        }
        let goes_on = matches!(process.try_wait(), Ok(None));
        if goes_on && LEAVES_A_ZOMBIE && start::scheduler_here().is_some() {
            // Nobody is left to hear how it ends, or why that can't be known.
            drop(future::spawn(async move { process.wait_async().await.map(drop) }));
        }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stdin, stdout, stderr, .. } = self;
        let mut child = f.debug_struct("Child");
        child.field("id", &self.id()).field("stdin", stdin).field("stdout", stdout).field("stderr", stderr);
        child.finish()
    }
}

/// Nothing is, of what is no pipe.
async fn what_is_read(reading: Option<impl Future<Output = io::Result<Vec<u8>>>>) -> io::Result<Vec<u8>> {
    match reading {
        Some(reading) => reading.await,
        None => Ok(Vec::new()),
    }
}

/// Both outputs, when there are both.
async fn both<A: Future, B: Future>(first: A, second: B) -> (A::Output, B::Output) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let mut outputs = (None, None);
    poll_fn(|context| {
        if outputs.0.is_none()
            && let Poll::Ready(output) = first.as_mut().poll(context)
        {
            outputs.0 = Some(output);
        }
        if outputs.1.is_none()
            && let Poll::Ready(output) = second.as_mut().poll(context)
        {
            outputs.1 = Some(output);
        }
        match (outputs.0.take(), outputs.1.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            some => {
                outputs = some;
                Poll::Pending
            }
        }
    })
    .await
}
