//! Tables for a terminal.

use std::io::{self, Write};
use std::time::Duration;

use super::words;
use crate::machine::Machine;
use crate::results::{Measured, Outcome, Table};
use crate::statistics::Summary;
use crate::verdict::{Score, Verdict, verdicts};

/// The machine and the versions, before any figure, and who can't be measured here.
pub fn opening(out: &mut impl Write, machine: &Machine, run: &[Measured]) -> io::Result<()> {
    let Machine { cpu, cores, memory, kernel, load, compiler, packages, .. } = machine;
    writeln!(out, "{cpu}, {cores} cores, {memory} MiB; Linux {kernel}; load {load}; {compiler}")?;
    let versions: Vec<String> = packages.iter().map(|(name, version)| format!("{name} {version}")).collect();
    writeln!(out, "{}", versions.join(" · "))?;
    let mut skipped: Vec<_> = run.iter().flat_map(|measured| &measured.skipped).collect();
    skipped.sort_by_key(|(subject, _)| subject.name);
    skipped.dedup_by_key(|(subject, _)| subject.name);
    for (subject, reason) in skipped {
        writeln!(out, "{} is skipped: {reason}", subject.name)?;
    }
    Ok(())
}

/// The tables of one bench, and what they say of its targets.
pub fn bench(out: &mut impl Write, measured: &Measured) -> io::Result<()> {
    writeln!(out, "\n{}: {}", measured.bench.name, measured.bench.about)?;
    for table in &measured.tables {
        writeln!(out, "  {}", words::parameters(table.case))?;
        self::table(out, table, measured.bench.reference)?;
    }
    let verdicts = verdicts(measured);
    if !verdicts.is_empty() {
        writeln!(out, "  targets")?;
        write_aligned(
            out,
            4,
            &verdicts.iter().map(|verdict| verdict_row(verdict).into()).collect::<Vec<_>>(),
        )?;
    }
    if let Some(contention) = &measured.contention {
        writeln!(out, "  {}", words::contention(contention))?;
    }
    Ok(())
}

/// Every target again, and how long everything took.
pub fn closing(out: &mut impl Write, run: &[Measured], elapsed: Duration) -> io::Result<()> {
    let verdicts: Vec<Verdict> = run.iter().flat_map(verdicts).collect();
    writeln!(out)?;
    if run.len() > 1 && !verdicts.is_empty() {
        let row = |verdict: &Verdict| {
            let mut row = verdict_row(verdict).to_vec();
            row.insert(1, verdict.bench.name.to_owned());
            row
        };
        write_aligned(out, 5, &verdicts.iter().map(row).collect::<Vec<_>>())?;
    }
    let score = words::score(Score::of(&verdicts));
    let benches = if run.len() == 1 { "1 bench" } else { &format!("{} benches", run.len()) };
    let score = if verdicts.is_empty() { String::new() } else { format!("; {score}") };
    writeln!(out, "{benches} in {}{score}", words::duration(elapsed))
}

fn table(out: &mut impl Write, table: &Table, reference: &str) -> io::Result<()> {
    let metrics = table.metrics();
    if !metrics.is_empty() {
        let measured = table.outcomes.iter().filter(|outcome| !outcome.series.is_empty());
        let reference = table.outcome(reference);
        let mut rows = vec![heading(&metrics, reference)];
        rows.extend(measured.map(|outcome| row(&metrics, outcome, reference)));
        write_aligned(out, 1, &rows)?;
    }
    for outcome in &table.outcomes {
        if let Some(reason) = &outcome.failure {
            writeln!(out, "    {}: not measured: {reason}", outcome.subject.name)?;
        }
    }
    Ok(())
}

fn heading(metrics: &[(&str, &str)], reference: Option<&Outcome>) -> Vec<String> {
    let mut cells = vec!["subject".to_owned()];
    for (metric, unit) in metrics {
        cells.extend([format!("{metric} {unit}"), "min–max".to_owned()]);
    }
    cells.extend(reference.map(|reference| format!("× {}", reference.subject.name)));
    cells
}

fn row(metrics: &[(&str, &str)], outcome: &Outcome, reference: Option<&Outcome>) -> Vec<String> {
    let mut cells = vec![outcome.subject.name.to_owned()];
    for (metric, _) in metrics {
        cells.extend(match outcome.samples(metric).and_then(Summary::of) {
            Some(Summary { median, min, max }) => {
                [words::figure(median), format!("{}–{}", words::figure(min), words::figure(max))]
            }
            None => [String::new(), String::new()],
        });
    }
    cells.extend(reference.map(|reference| words::ratio(outcome, metrics[0].0, reference)));
    cells
}

fn verdict_row(verdict: &Verdict) -> [String; 4] {
    let found = match &verdict.found {
        Ok(estimate) => words::estimate(estimate),
        Err(reason) => reason.clone(),
    };
    [words::verdict(verdict).to_owned(), words::target(verdict), words::parameters(verdict.case), found]
}

/// Columns as wide as their widest cell: the first ones hold words and begin at the same place, the rest figures, which
/// end at the same place.
fn write_aligned(out: &mut impl Write, words: usize, rows: &[Vec<String>]) -> io::Result<()> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column < words { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        writeln!(out, "    {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Against, Bench, Case, Limit, Target};
    use crate::results::tests::{OURS, PEER, outcome};

    static BENCH: Bench = Bench {
        name: "example",
        about: "what an example costs",
        reference: "peer",
        cases: &[Case::new(&[("in_flight", 10_000)])],
        subjects: &[&[OURS, PEER]],
        targets: &[Target {
            subject: "fibra",
            metric: "time",
            applies: |_| true,
            against: Against::Subject("peer"),
            limit: Limit::AtMost(0.5),
        }],
    };

    fn shown(show: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut text = Vec::new();
        show(&mut text).expect("a vector takes every write");
        String::from_utf8(text).expect("it is text")
    }

    fn measured() -> Measured {
        let mut failed = outcome(&PEER, &[]);
        failed.failure = Some("no memory".into());
        let outcomes = vec![
            outcome(&OURS, &[900.0, 1_000.0, 1_100.0]),
            outcome(&PEER, &[1_800.0, 4_000.0, 1_100.0]),
            failed,
        ];
        let skipped = vec![(&PEER, "it is not here".to_owned())];
        Measured {
            bench: &BENCH,
            tables: vec![Table { case: &BENCH.cases[0], outcomes }],
            skipped,
            contention: None,
        }
    }

    #[test]
    fn a_table_shows_medians_their_range_ratios_failures_and_targets() {
        let lines = [
            "",
            "example: what an example costs",
            "  in flight 10,000",
            "    subject  time ns/switch      min–max            × peer",
            "    fibra             1,000    900–1,100  0.50 (0.25–1.00)",
            "    peer              1,800  1,100–4,000                 1",
            "    peer: not measured: no memory",
            "  targets",
            "    met  fibra: time ≤ 0.5 × peer  in flight 10,000  0.50 (0.25–1.00)",
            "",
        ];
        assert_eq!(shown(|out| bench(out, &measured())), lines.join("\n"));
    }

    #[test]
    fn the_end_says_how_long_it_took_and_how_many_targets_were_met() {
        let text = shown(|out| closing(out, &[measured()], Duration::from_secs(75)));
        assert_eq!(text, "\n1 bench in 1 min 15 s; 1 target met, 0 lost\n");
    }

    #[test]
    fn who_is_skipped_in_several_benches_is_said_once() {
        let run = [measured(), measured()];
        let text = shown(|out| opening(out, &Machine::read(&run), &run));
        assert_eq!(text.matches("peer is skipped: it is not here\n").count(), 1, "{text}");
    }
}
