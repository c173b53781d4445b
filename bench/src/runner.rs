//! Takes the samples: every one in a process of its own, the subjects taking turns.
//!
//! A fresh process for each sample keeps subjects out of each other's way: no idle worker threads of one runtime beside
//! the next, no heap left in somebody else's shape, worker counts that are process-wide settings can differ, and the
//! luck of one address-space layout becomes part of the spread instead of a silent bias. Taking turns (A B C, A B C)
//! spreads whatever else the machine does over all of them.

use std::io::{self, Read, Write};
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use fibra_system::affinity;

use crate::bench::{Bench, Case, Measurement, Subject};
use crate::results::{Measured, Table};
use crate::{benches, children, contention, progress};

/// A subject that takes longer than this for one sample hangs (seen where a runtime's worker thread has died).
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Measures the bench that is number `index` in `run`.
///
/// In each round every case has its turn, and in each case every subject: so a ratio is between neighbours, and what slows
/// the machine down for a minute slows down one round of many cases, not all rounds of one. A subject whose process fails
/// in a case is left out of the later rounds of that case, and keeps the reason.
///
/// # Errors
///
/// When a child process can't be started at all, or prints something else than measurements.
pub fn measure(run: &mut [Measured], index: usize) -> io::Result<()> {
    let watch = contention::Watch::start()?;
    let outcomes = run[index].tables.iter().flat_map(|table| &table.outcomes);
    for round in 1..=outcomes.map(|outcome| outcome.rounds).max().unwrap_or(0) {
        for table in 0..run[index].tables.len() {
            for outcome in 0..run[index].tables[table].outcomes.len() {
                take_turn(run, [index, table, outcome], round)?;
            }
        }
    }
    progress::clear()?;
    run[index].contention = Some(watch.stop()?);
    Ok(())
}

/// Takes one sample, if the outcome at this place in `run` (bench, table, outcome) has rounds left.
fn take_turn(run: &mut [Measured], place: [usize; 3], round: u32) -> io::Result<()> {
    let time_left = progress::time_left(run);
    let [index, table, outcome] = place;
    let Measured { bench, tables, .. } = &mut run[index];
    let Table { case, outcomes } = &mut tables[table];
    let outcome = &mut outcomes[outcome];
    if outcome.rounds_left() == 0 {
        return Ok(());
    }
    let what = format!("{} {case}: {}", bench.name, outcome.subject.name);
    progress::show(&format!("round {round} of {}", outcome.rounds), time_left, &what)?;
    let began = Instant::now();
    let sample = sample_in_child(bench, outcome.subject, case)?;
    outcome.record(sample, began.elapsed());
    Ok(())
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
    if case.is_on_one_core() {
        let core = affinity::current()?.iter().next().expect("a thread runs somewhere");
        affinity::pin_current_thread(core)?;
    }
    let mut out = io::stdout().lock();
    for measurement in (subject.sample)(case) {
        writeln!(out, "{measurement}")?;
    }
    Ok(())
}

/// One sample in a process of its own, or why there is none.
fn sample_in_child(
    bench: &Bench,
    subject: &Subject,
    case: &Case,
) -> io::Result<Result<Vec<Measurement>, String>> {
    let mut command = children::this_program()?;
    // They would win over what a subject asks its builder for.
    for variable in ["FIBRA_BACKEND", "FIBRA_WORKERS", "FIBRA_STACK_SIZE"] {
        command.env_remove(variable);
    }
    let mut child = command
        .args(["--sample", bench.name, subject.name, &case.to_string()])
        .env("RUST_BACKTRACE", "0")
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
