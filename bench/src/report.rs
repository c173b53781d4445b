//! Prints what was measured: tables for people, one JSON object a line for programs.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::bench::{Bench, Case};
use crate::machine::Machine;
use crate::runner::{Outcome, Series};
use crate::statistics::{Summary, paired_ratios};

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns.
    Table,
    /// One JSON object a line.
    Json,
}

/// Prints the machine and the versions, before any figure.
pub fn machine(out: &mut impl Write, format: Format, machine: &Machine) -> io::Result<()> {
    match format {
        Format::Json => machine_json(out, machine),
        Format::Table => machine_text(out, machine),
    }
}

/// Prints the results of one case of one bench.
pub fn case(
    out: &mut impl Write,
    format: Format,
    bench: &Bench,
    case: &Case,
    outcomes: &[Outcome],
) -> io::Result<()> {
    match format {
        Format::Json => case_json(out, bench, case, outcomes),
        Format::Table => case_table(out, bench, case, outcomes),
    }
}

fn machine_text(out: &mut impl Write, machine: &Machine) -> io::Result<()> {
    let Machine { cpu, cores, memory, kernel, load, compiler, packages } = machine;
    writeln!(out, "{cpu}, {cores} cores, {memory} MiB; Linux {kernel}; load {load}; {compiler}")?;
    let versions: Vec<String> = packages.iter().map(|(name, version)| format!("{name} {version}")).collect();
    writeln!(out, "{}", versions.join(" · "))
}

/// The machine as a line of the same shape as every other one, so that a reader needs no second schema.
fn machine_json(out: &mut impl Write, machine: &Machine) -> io::Result<()> {
    let versions: Map<String, Value> =
        machine.packages.iter().map(|(name, version)| ((*name).to_owned(), json!(version))).collect();
    let line = json!({
        "bench": "machine",
        "subject": machine.cpu,
        "params": {
            "kernel": machine.kernel,
            "memory_mib": machine.memory,
            "load": machine.load,
            "rustc": machine.compiler,
            "versions": versions,
        },
        "metric": "cores",
        "value": machine.cores,
        "unit": "cores",
    });
    writeln!(out, "{line}")
}

fn case_json(out: &mut impl Write, bench: &Bench, case: &Case, outcomes: &[Outcome]) -> io::Result<()> {
    let params: Map<String, Value> =
        case.parameters().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    for outcome in outcomes {
        for series in &outcome.series {
            if let Some(summary) = Summary::of(&series.samples) {
                let line = json!({
                    "bench": bench.name,
                    "subject": outcome.subject.name,
                    "params": params,
                    "metric": series.metric,
                    "value": summary.median,
                    "unit": series.unit,
                    "min": summary.min,
                    "max": summary.max,
                    "rounds": series.samples.len(),
                });
                writeln!(out, "{line}")?;
            }
        }
        if let Some(reason) = &outcome.failure {
            let line = json!({
                "bench": bench.name,
                "subject": outcome.subject.name,
                "params": params,
                "metric": "failure",
                "value": null,
                "unit": "",
                "reason": reason,
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn case_table(out: &mut impl Write, bench: &Bench, case: &Case, outcomes: &[Outcome]) -> io::Result<()> {
    writeln!(out, "\n{}: {}\n  {}", bench.name, bench.about, spaced(case))?;
    let columns = columns(outcomes);
    if !columns.is_empty() {
        let reference = outcomes.iter().find(|outcome| outcome.subject.name == bench.reference);
        let measured = outcomes.iter().filter(|outcome| !outcome.series.is_empty());
        let mut rows = vec![heading(&columns, bench.reference)];
        rows.extend(measured.map(|outcome| row(&columns, outcome, reference)));
        write_aligned(out, &rows)?;
    }
    for outcome in outcomes {
        if let Some(reason) = &outcome.failure {
            writeln!(out, "    {}: not measured: {reason}", outcome.subject.name)?;
        }
    }
    Ok(())
}

fn spaced(case: &Case) -> String {
    case.parameters()
        .map(|(name, value)| format!("{name} {}", grouped(value)))
        .collect::<Vec<_>>()
        .join(" · ")
}

/// `1234567` as `1,234,567`.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The metrics that occur, in the order in which they were first seen, with their units.
fn columns(outcomes: &[Outcome]) -> Vec<(&str, &str)> {
    let mut columns: Vec<(&str, &str)> = Vec::new();
    for series in outcomes.iter().flat_map(|outcome| &outcome.series) {
        if !columns.iter().any(|(metric, _)| *metric == series.metric) {
            columns.push((&series.metric, &series.unit));
        }
    }
    columns
}

fn heading(columns: &[(&str, &str)], reference: &str) -> Vec<String> {
    let mut cells = vec!["subject".to_owned()];
    for (metric, unit) in columns {
        cells.extend([format!("{metric} {unit}"), "min–max".to_owned()]);
    }
    cells.push(format!("× {reference}"));
    cells
}

fn row(columns: &[(&str, &str)], outcome: &Outcome, reference: Option<&Outcome>) -> Vec<String> {
    let mut cells = vec![outcome.subject.name.to_owned()];
    for (metric, _) in columns {
        let summary = find(outcome, metric).and_then(|series| Summary::of(&series.samples));
        cells.extend(match summary {
            Some(Summary { median, min, max }) => {
                [figure(median), format!("{}–{}", figure(min), figure(max))]
            }
            None => [String::new(), String::new()],
        });
    }
    cells.push(ratio(columns, outcome, reference).map_or_else(String::new, |ratio| format!("{ratio:.2}")));
    cells
}

/// The median of the first metric's ratios, taken round by round.
fn ratio(columns: &[(&str, &str)], outcome: &Outcome, reference: Option<&Outcome>) -> Option<f64> {
    let (metric, _) = columns.first()?;
    let ratios = paired_ratios(&find(outcome, metric)?.samples, &find(reference?, metric)?.samples);
    Summary::of(&ratios).map(|summary| summary.median)
}

fn find<'a>(outcome: &'a Outcome, metric: &str) -> Option<&'a Series> {
    outcome.series.iter().find(|series| series.metric == metric)
}

/// Three significant digits or all the integer ones: more would be noise.
fn figure(value: f64) -> String {
    match value.abs() {
        magnitude if magnitude >= 1_000.0 => grouped(value.round() as u64),
        magnitude if magnitude >= 100.0 => format!("{value:.0}"),
        magnitude if magnitude >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn write_aligned(out: &mut impl Write, rows: &[Vec<String>]) -> io::Result<()> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    for row in rows {
        write!(out, "    {:<width$}", row[0], width = widths[0])?;
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            write!(out, "  {cell:>width$}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits() {
        assert_eq!([1.234, 12.34, 123.4, 12_345.6].map(figure), ["1.23", "12.3", "123", "12,346"]);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([7, 1_000, 100_000, 1_234_567].map(grouped), ["7", "1,000", "100,000", "1,234,567"]);
    }

    #[test]
    fn every_json_line_of_a_case_has_the_six_fields() {
        let bench = crate::benches::ALL.first().expect("there are benches");
        let subject = bench.subjects().next().expect("a bench has subjects");
        let series = Series { metric: "time".into(), unit: "ns/switch".into(), samples: vec![2.0, 1.0, 3.0] };
        let outcomes = [Outcome { subject, series: vec![series], failure: Some("ended early".into()) }];
        let mut text = Vec::new();
        case(&mut text, Format::Json, bench, &bench.cases[0], &outcomes).expect("a Vec takes every write");
        let text = String::from_utf8(text).expect("JSON is UTF-8");
        assert_eq!(text.lines().count(), 2, "one line for the metric and one for the failure");
        for line in text.lines() {
            let object: Value = serde_json::from_str(line).expect("each line is an object");
            for field in ["bench", "subject", "params", "metric", "value", "unit"] {
                assert!(object.get(field).is_some(), "`{line}` has no `{field}`");
            }
        }
    }
}
