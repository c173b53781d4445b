//! Counts a server's system calls with `strace`, which stops the server at each of them: so in samples of their own.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// An `strace` that is attached to all threads of some processes.
pub struct Strace {
    child: Child,
}

impl Strace {
    /// Attaches to these processes, and to what they start from now on.
    ///
    /// # Errors
    ///
    /// When there is no `strace`, or it may not attach: the reason is in its own words.
    pub fn attach(processes: &[u32]) -> io::Result<Self> {
        let_children_trace_us();
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-U", "calls,name"]);
        command.args(processes.iter().flat_map(|process| ["-p".to_owned(), process.to_string()]));
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| io::Error::other(format!("strace can't be started: {error}")))?;
        for _ in processes {
            let said = line(&mut child)?;
            if !said.contains(" attached") {
                child.wait()?;
                return Err(io::Error::other(said));
            }
        }
        Ok(Self { child })
    }

    /// Detaches, and says how many system calls there were.
    ///
    /// # Errors
    ///
    /// When `strace` prints something else than its table.
    pub fn detach(mut self) -> io::Result<u64> {
        let process = libc::pid_t::try_from(self.child.id()).map_err(io::Error::other)?;
        // SAFETY: `kill` takes no pointer. The process is our child and not yet waited for, so the number is still its.
        if unsafe { libc::kill(process, libc::SIGINT) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut table = String::new();
        self.child.stderr.take().expect("it was asked for as a pipe").read_to_string(&mut table)?;
        self.child.wait()?;
        total(&table).ok_or_else(|| io::Error::other(format!("strace printed no total: {table}")))
    }
}

/// One line, unbuffered: what comes after it is for [`Strace::detach`].
fn line(child: &mut Child) -> io::Result<String> {
    let stderr = child.stderr.as_mut().expect("it was asked for as a pipe");
    let mut line = String::new();
    BufReader::with_capacity(1, stderr).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn total(table: &str) -> Option<u64> {
    let last = table.lines().rfind(|line| line.ends_with(" total"))?;
    last.split_whitespace().next()?.parse().ok()
}

/// Where only ancestors may trace (Yama), a process has to allow the others.
fn let_children_trace_us() {
    // A kernel without Yama doesn't know the option, and needs none: `strace` says if it may not attach.
    // SAFETY: this option of `prctl` takes no pointer.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_last_row() {
        let table = "    calls syscall\n--------- --------\n       12 sendto\n        7 recvfrom\n--------- --------\n       19 total\n";
        assert_eq!(total(table), Some(19));
        assert_eq!(total("strace: attach: Operation not permitted\n"), None);
    }
}
