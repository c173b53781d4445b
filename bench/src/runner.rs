//! Takes the samples: every one in a process of its own, the subjects taking turns.
//!
//! A fresh process for each sample keeps subjects out of each other's way: no idle worker threads of one runtime beside
//! the next, no heap left in somebody else's shape, worker counts that are process-wide settings can differ, and the
//! luck of one address-space layout becomes part of the spread instead of a silent bias. Taking turns (A B C, A B C)
//! spreads whatever else the machine does over all of them.

use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::bench::{Bench, Case, Measurement, Subject};
use crate::benches;
use crate::options::Options;
use crate::programs::Programs;

/// A subject that takes longer than this for one sample hangs (seen where a runtime's worker thread has died).
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Everything that was measured about one subject under one set of parameters.
pub struct Outcome {
    /// Who was measured.
    pub subject: &'static Subject,
    /// One series for each metric; empty if no sample succeeded.
    pub series: Vec<Series>,
    /// Why there is no (further) sample, in the subject's own words.
    pub failure: Option<String>,
}

/// The samples of one metric, in the order of the rounds.
pub struct Series {
    /// What was measured.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// One value a round.
    pub samples: Vec<f64>,
}

/// Takes the samples of a run, bench by bench and case by case.
pub struct Runner<'a> {
    options: &'a Options,
    launcher: Launcher,
    programs: Programs,
}

impl<'a> Runner<'a> {
    /// A runner of what `options` ask for, whose children are started with `prefix` before their own arguments.
    ///
    /// # Errors
    ///
    /// When the system doesn't tell the path of this executable.
    pub fn new(options: &'a Options, prefix: &[&str]) -> io::Result<Self> {
        Ok(Self { options, launcher: Launcher::new(prefix)?, programs: Programs::default() })
    }

    /// Measures the subjects of `bench` under `case`, taking turns for so many rounds.
    ///
    /// A subject whose process fails is left out of the later rounds and keeps the reason, and so does one whose
    /// program is not here.
    ///
    /// # Errors
    ///
    /// When a child process can't be started at all, or prints something else than measurements.
    pub fn case(&mut self, bench: &Bench, case: &Case) -> io::Result<Vec<Outcome>> {
        let mut outcomes: Vec<Outcome> = self.selected(bench, case);
        let rounds = self.options.rounds.min(case.rounds_at_most);
        for round in 1..=rounds {
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.failure.is_none()) {
                progress(&format!(
                    "{} {case}: round {round} of {rounds}: {}",
                    bench.name, outcome.subject.name
                ))?;
                match self.launcher.sample(bench, outcome.subject, case)? {
                    Ok(measurements) => outcome.record(measurements),
                    Err(reason) => outcome.failure = Some(reason),
                }
            }
        }
        progress("")?;
        Ok(outcomes)
    }

    fn selected(&mut self, bench: &Bench, case: &Case) -> Vec<Outcome> {
        let filter = self.options.subject.as_deref();
        let selected = |subject: &&'static Subject| {
            filter.is_none_or(|text| subject.name.contains(text)) && (subject.applies)(case)
        };
        let mut outcome = |subject: &'static Subject| {
            let usable = subject.needed.map_or(Ok(()), |program| self.programs.usable(program));
            Outcome { subject, series: Vec::new(), failure: usable.err() }
        };
        bench.subjects().filter(selected).map(&mut outcome).collect()
    }
}

impl Outcome {
    fn record(&mut self, measurements: Vec<Measurement>) {
        for Measurement { metric, value, unit } in measurements {
            match self.series.iter_mut().find(|series| series.metric == metric) {
                Some(series) => series.samples.push(value),
                None => self.series.push(Series { metric, unit, samples: vec![value] }),
            }
        }
    }
}

/// Takes one sample in this process and prints it for the runner: a line for each measurement.
///
/// # Errors
///
/// When there is no such bench, subject or case, or standard output is gone.
pub fn sample_here(bench: &str, subject: &str, case: &str) -> io::Result<()> {
    let bench = benches::find(bench)?;
    let missing =
        |what: &str, name: &str| io::Error::other(format!("`{}` has no {what} `{name}`", bench.name));
    let subject = bench.subjects().find(|s| s.name == subject).ok_or_else(|| missing("subject", subject))?;
    let case = bench.cases.iter().find(|c| c.to_string() == case).ok_or_else(|| missing("case", case))?;
    let mut out = io::stdout().lock();
    for measurement in (subject.sample)(case) {
        writeln!(out, "{measurement}")?;
    }
    Ok(())
}

/// Starts the processes that take samples.
pub struct Launcher {
    program: PathBuf,
    prefix: Vec<String>,
}

impl Launcher {
    /// Children of this executable, whose arguments begin with `prefix`.
    ///
    /// # Errors
    ///
    /// When the system doesn't tell the executable's path.
    pub fn new(prefix: &[&str]) -> io::Result<Self> {
        let prefix = prefix.iter().copied().map(str::to_owned).collect();
        Ok(Self { program: std::env::current_exe()?, prefix })
    }

    /// One sample in a process of its own, or why there is none.
    fn sample(
        &self,
        bench: &Bench,
        subject: &Subject,
        case: &Case,
    ) -> io::Result<Result<Vec<Measurement>, String>> {
        let mut child = Command::new(&self.program)
            .args(&self.prefix)
            .args(["--sample", bench.name, subject.name, &case.to_string()])
            .env("RUST_BACKTRACE", "0")
            // It would win over the number of workers that the case names.
            .env_remove("FIBRA_WORKERS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = read_in_thread(child.stdout.take());
        let stderr = read_in_thread(child.stderr.take());
        let measured = stdout.recv_timeout(TIME_LIMIT);
        let hung = measured == Err(RecvTimeoutError::Timeout);
        if hung {
            child.kill()?;
        }
        let status = child.wait()?;
        match measured {
            Ok(text) if status.success() => text.lines().map(str::parse).collect::<io::Result<_>>().map(Ok),
            _ => {
                let end = if hung { format!("no end after {TIME_LIMIT:?}") } else { status.to_string() };
                Ok(Err(reason(&end, &stderr.recv().unwrap_or_default())))
            }
        }
    }
}

/// Reads `pipe` to its end on a thread, so that a child which fills one pipe never waits for a reader of the other.
fn read_in_thread(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let text =
            if let Err(error) = read { format!("{text}\n(then reading failed: {error})") } else { text };
        // The receiver is gone where the child hung and its words are no longer asked for.
        drop(sender.send(text));
    });
    receiver
}

/// How a child ended, and what it said first: a panic's own message comes before what follows from it.
fn reason(end: &str, stderr: &str) -> String {
    let mut lines =
        stderr.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("note: "));
    let first = lines.next().unwrap_or_default();
    let said = if first.contains(" panicked at ") { lines.next().unwrap_or(first) } else { first };
    if said.is_empty() { end.to_owned() } else { format!("{end}: {said}") }
}

/// One line on the terminal that each step overwrites; nothing where standard error is no terminal.
fn progress(text: &str) -> io::Result<()> {
    let mut terminal = io::stderr().lock();
    if terminal.is_terminal() {
        write!(terminal, "\r\x1b[2K{text}")?;
        terminal.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_how_the_child_ended_and_what_it_panicked_with() {
        let stderr = "\nthread 'main' (7) panicked at src/stack.rs:1:2:\nno memory\nnote: run with more\n";
        assert_eq!(reason("exit status: 101", stderr), "exit status: 101: no memory");
        assert_eq!(reason("signal: 6", ""), "signal: 6");
    }
}
