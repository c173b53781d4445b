//! One line on the terminal that says what is measured just now, and how long the rest will take.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::results::{Measured, Outcome, Table};

/// Says where the run is, in place of what the line said before.
pub fn show(round: &str, time_left: Option<Duration>, what: &str) -> io::Result<()> {
    let left = time_left.map_or_else(String::new, |left| format!(" · {} left", roughly(left)));
    write(&format!("{round}{left} · {what}"))
}

/// Takes the line away, so that tables can be printed.
pub fn clear() -> io::Result<()> {
    write("")
}

/// Overwrites the line; does nothing where standard error is no terminal.
fn write(text: &str) -> io::Result<()> {
    let mut terminal = io::stderr().lock();
    if terminal.is_terminal() {
        // Without wrapping, a line that is too long is cut: wrapped, it could not be overwritten any more.
        write!(terminal, "\r\x1b[2K\x1b[?7l{text}\x1b[?7h")?;
        terminal.flush()?;
    }
    Ok(())
}

/// How long the samples that are still to be taken will take.
///
/// A subject will go on to need what it needed; one that has not been measured yet is taken for an average one of its
/// bench, or of the run. `None` before the first sample.
pub fn time_left(run: &[Measured]) -> Option<Duration> {
    let average = average(run.iter().flat_map(outcomes))?;
    let left = |measured: &Measured| {
        let average = self::average(outcomes(measured)).unwrap_or(average);
        let each = |outcome: &Outcome| self::average([outcome]).unwrap_or(average) * outcome.rounds_left();
        outcomes(measured).map(each).sum::<Duration>()
    };
    Some(run.iter().map(left).sum())
}

fn outcomes(measured: &Measured) -> impl Iterator<Item = &Outcome> {
    measured.tables.iter().flat_map(|Table { outcomes, .. }| outcomes)
}

/// How long one sample took.
fn average<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Option<Duration> {
    let sum = |(taken, spent), outcome: &Outcome| (taken + outcome.taken, spent + outcome.spent);
    let (taken, spent) = outcomes.into_iter().fold((0, Duration::ZERO), sum);
    spent.checked_div(taken)
}

/// `3 h 20 min`, `12 min` or `40 s`: as exact as a forecast can be.
pub fn roughly(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..90 => format!("{seconds} s"),
        seconds @ 90..5_400 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benches;

    fn measured(outcomes: Vec<Outcome>) -> Measured {
        let bench = &benches::ALL[0];
        let tables = vec![Table { case: &bench.cases[0], outcomes }];
        Measured { bench, tables, skipped: Vec::new(), contention: None }
    }

    fn outcome(rounds: u32, taken: &[u64]) -> Outcome {
        let subject = benches::ALL[0].subjects().next().expect("a bench has subjects");
        let mut outcome = Outcome::new(subject, rounds);
        for seconds in taken {
            outcome.record(Ok(Vec::new()), Duration::from_secs(*seconds));
        }
        outcome
    }

    #[test]
    fn nothing_is_foretold_before_the_first_sample() {
        assert_eq!(time_left(&[measured(vec![outcome(10, &[])])]), None);
    }

    #[test]
    fn subjects_go_on_as_they_did_and_new_ones_are_average() {
        let first = measured(vec![outcome(10, &[1, 1]), outcome(10, &[3, 3]), outcome(1, &[])]);
        let next = measured(vec![outcome(5, &[])]);
        // 8 × 1 s, 8 × 3 s, 1 × 2 s of the same bench, 5 × 2 s of the next.
        assert_eq!(time_left(&[first, next]), Some(Duration::from_secs(8 + 24 + 2 + 10)));
    }

    #[test]
    fn a_failed_subject_takes_no_more_time() {
        let mut failed = outcome(10, &[1]);
        failed.record(Err("no memory".into()), Duration::from_secs(1));
        assert_eq!(time_left(&[measured(vec![failed])]), Some(Duration::ZERO));
    }

    #[test]
    fn times_are_rounded_to_what_one_cares_for() {
        let texts = [40, 89, 100, 5_399, 7_300].map(|seconds| roughly(Duration::from_secs(seconds)));
        assert_eq!(texts, ["40 s", "89 s", "2 min", "90 min", "2 h 1 min"]);
    }
}
