//! One JSON object a line, all of one shape: who, under which parameters, which metric, its value and unit.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::words;
use crate::bench::{Case, Limit, Subject};
use crate::machine::Machine;
use crate::results::{Measured, Outcome, Series, Table};
use crate::statistics::{Estimate, Summary};
use crate::verdict::{Score, Verdict, verdicts};

/// Writes each object on a line of its own.
pub fn write(out: &mut impl Write, lines: impl IntoIterator<Item = Value>) -> io::Result<()> {
    lines.into_iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// The machine and the versions, and who can't be measured here.
pub fn opening(machine: &Machine, run: &[Measured]) -> Vec<Value> {
    let skipped = |measured: &Measured| {
        let line = |(subject, reason): &(&Subject, String)| {
            let place = [measured.bench.name, subject.name, "skipped"];
            extended(line(place, json!({}), Value::Null, ""), json!({ "reason": reason }))
        };
        measured.skipped.iter().map(line).collect::<Vec<_>>()
    };
    let mut lines = vec![self::machine(machine)];
    lines.extend(run.iter().flat_map(skipped));
    lines
}

/// Everything that a bench has measured, and what it says of its targets.
pub fn bench(measured: &Measured) -> Vec<Value> {
    let mut lines: Vec<Value> =
        measured.tables.iter().flat_map(|table| self::table(measured, table)).collect();
    lines.extend(verdicts(measured).iter().map(verdict));
    if let Some(contention) = &measured.contention {
        let more = json!({ "others_cores": contention.others, "stolen_cores": contention.stolen });
        let elapsed = contention.elapsed.as_secs_f64();
        lines.push(extended(
            line([measured.bench.name, "run", "elapsed"], json!({}), json!(elapsed), "s"),
            more,
        ));
    }
    lines
}

/// How long the run took, and how many of its targets were met.
pub fn total(run: &[Measured], elapsed: Duration) -> Value {
    let Score { met, lost, open } = Score::of(&run.iter().flat_map(verdicts).collect::<Vec<_>>());
    let line = line(["all", "run", "elapsed"], json!({}), json!(elapsed.as_secs_f64()), "s");
    extended(line, json!({ "targets": { "met": met, "lost": lost, "open": open } }))
}

/// The fields that every line has.
fn line([bench, subject, metric]: [&str; 3], params: Value, value: Value, unit: &str) -> Value {
    json!({
        "bench": bench,
        "subject": subject,
        "params": params,
        "metric": metric,
        "value": value,
        "unit": unit,
    })
}

fn extended(mut line: Value, more: Value) -> Value {
    if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
        line.extend(more);
    }
    line
}

fn machine(machine: &Machine) -> Value {
    let versions: Map<String, Value> =
        machine.packages.iter().map(|(name, version)| ((*name).to_owned(), json!(version))).collect();
    let params = json!({
        "kernel": machine.kernel,
        "memory_mib": machine.memory,
        "load": machine.load,
        "rustc": machine.compiler,
        "date": machine.date,
        "command": machine.command,
        "versions": versions,
    });
    line(["machine", &machine.cpu, "cores"], params, json!(machine.cores), "cores")
}

fn params(case: &Case) -> Value {
    case.parameters().map(|(name, value)| (name.to_owned(), json!(value))).collect::<Map<_, _>>().into()
}

fn table(measured: &Measured, table: &Table) -> Vec<Value> {
    let name = measured.bench.name;
    let reference = table.outcome(measured.bench.reference);
    let mut lines = Vec::new();
    for outcome in &table.outcomes {
        let place = |metric| [name, outcome.subject.name, metric];
        for Series { metric, unit, samples } in &outcome.series {
            let median = Summary::of(samples).map(|summary| summary.median);
            let line = line(place(metric), params(table.case), json!(median), unit);
            lines.push(extended(line, spread(outcome, metric, samples, reference)));
        }
        if let Some(reason) = &outcome.failure {
            let line = line(place("failure"), params(table.case), Value::Null, "");
            lines.push(extended(line, json!({ "reason": reason })));
        }
    }
    lines
}

fn spread(outcome: &Outcome, metric: &str, samples: &[f64], reference: Option<&Outcome>) -> Value {
    let summary = Summary::of(samples);
    let mut spread = json!({
        "min": summary.map(|summary| summary.min),
        "max": summary.map(|summary| summary.max),
        "rounds": samples.len(),
        "samples": samples,
    });
    let ratio = reference.and_then(|reference| Some((reference, outcome.ratio(metric, reference)?)));
    if let Some((reference, Estimate { median, low, high })) = ratio {
        spread["ratio"] = json!({ "to": reference.subject.name, "median": median, "low": low, "high": high });
    }
    spread
}

fn verdict(verdict: &Verdict) -> Value {
    let target = verdict.target;
    let (kind, limit) = match target.limit {
        Limit::AtMost(limit) => ("at_most", limit),
        Limit::AtLeast(limit) => ("at_least", limit),
    };
    let found = verdict.found.as_ref().ok();
    let against = words::reference(verdict);
    let unit = against.as_ref().map_or_else(|| verdict.unit.clone(), |name| format!("× {name}"));
    let value = json!(found.map(|found| found.median));
    let more = json!({
        "target": {
            "against": against,
            kind: limit,
            "low": found.map(|found| found.low),
            "high": found.map(|found| found.high),
            "met": verdict.is_met(),
            "reason": verdict.found.as_ref().err(),
        },
    });
    extended(
        line([verdict.bench.name, target.subject, target.metric], params(verdict.case), value, &unit),
        more,
    )
}
