//! Whether fibra reached what it wanted: each target held against what was measured.

use crate::bench::{Against, Bench, Case, Limit, Target};
use crate::results::{Measured, Outcome, Table};
use crate::statistics::{Estimate, paired_ratios};

/// A target in one case, and what came of it.
pub struct Verdict {
    /// The bench.
    pub bench: &'static Bench,
    /// The target.
    pub target: &'static Target,
    /// The case.
    pub case: &'static Case,
    /// The case that it is held against, where that is another one.
    pub other_case: Option<&'static Case>,
    /// The ratio, or the figure itself where the target is held against nothing; or why there is none.
    pub found: Result<Estimate, String>,
    /// The figure's unit.
    pub unit: String,
}

impl Verdict {
    /// Whether the target is met: whether the interval reaches into the wanted range. `None` if nothing was found.
    pub fn is_met(&self) -> Option<bool> {
        let found = self.found.as_ref().ok()?;
        Some(match self.target.limit {
            Limit::AtMost(limit) => found.low <= limit,
            Limit::AtLeast(limit) => found.high >= limit,
        })
    }
}

/// The verdicts on every target of a bench, in those of its cases that were measured.
///
/// A target whose subject was left out of this run on purpose has none, nor has one against a peer that this program was
/// built without.
pub fn verdicts(measured: &Measured) -> Vec<Verdict> {
    let verdict = |target: &'static Target, table: &Table| {
        let outcome = table.outcome(target.subject)?;
        let samples = outcome.samples(target.metric);
        let unit = table.metrics().into_iter().find(|(metric, _)| *metric == target.metric);
        Some(Verdict {
            bench: measured.bench,
            target,
            case: table.case,
            other_case: match target.against {
                Against::Case(_, selects) => measured.bench.cases.iter().find(|case| selects(case)),
                Against::Subject(_) | Against::Nothing => None,
            },
            found: match samples {
                Some(samples) => held_against(target, samples, measured, table),
                None => Err(missing(outcome, target.metric)),
            },
            unit: unit.map(|(_, unit)| unit.to_owned()).unwrap_or_default(),
        })
    };
    let of_target = |target: &'static Target| {
        measured
            .tables
            .iter()
            .filter(|table| (target.applies)(table.case))
            .filter_map(move |table| verdict(target, table))
    };
    let is_known = |target: &&Target| match target.against {
        Against::Nothing => true,
        Against::Subject(name) | Against::Case(name, _) => {
            measured.bench.subjects().any(|subject| subject.name == name)
        }
    };
    measured.bench.targets.iter().filter(is_known).flat_map(of_target).collect()
}

fn held_against(
    target: &Target,
    samples: &[f64],
    measured: &Measured,
    table: &Table,
) -> Result<Estimate, String> {
    let reference = match target.against {
        Against::Nothing => return Ok(estimate(samples)),
        Against::Subject(name) => table.outcome(name).ok_or_else(|| format!("{name} was not measured"))?,
        Against::Case(name, selects) => measured
            .tables
            .iter()
            .find(|table| selects(table.case))
            .and_then(|table| table.outcome(name))
            .ok_or_else(|| format!("{name} was not measured in the other case"))?,
    };
    let reference = reference.samples(target.metric).ok_or_else(|| missing(reference, target.metric))?;
    Ok(estimate(&paired_ratios(samples, reference)))
}

fn estimate(samples: &[f64]) -> Estimate {
    Estimate::of(samples).expect("a series begins with its first sample")
}

fn missing(outcome: &Outcome, metric: &str) -> String {
    let reason = outcome.failure.as_deref().map_or_else(String::new, |reason| format!(" ({reason})"));
    format!("{} has no {metric}{reason}", outcome.subject.name)
}

/// How many targets were met, lost and left open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// Met.
    pub met: usize,
    /// Measured, and not met.
    pub lost: usize,
    /// Not measured, since a subject failed or was left out.
    pub open: usize,
}

impl Score {
    /// Counts.
    pub fn of<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Self {
        let mut score = Self::default();
        for verdict in verdicts {
            match verdict.is_met() {
                Some(true) => score.met += 1,
                Some(false) => score.lost += 1,
                None => score.open += 1,
            }
        }
        score
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{OURS, PEER, outcome};

    const fn target(against: Against, limit: Limit) -> Target {
        Target { subject: "fibra", metric: "time", applies: |case| case.get("tasks") > 1, against, limit }
    }

    static BENCH: Bench = Bench {
        name: "example",
        about: "",
        reference: "peer",
        cases: &[Case::new(&[("tasks", 1)]), Case::new(&[("tasks", 2)])],
        subjects: &[&[OURS, PEER]],
        targets: &[
            target(Against::Subject("a peer that is not built in"), Limit::AtMost(0.1)),
            target(Against::Subject("peer"), Limit::AtMost(0.5)),
            target(Against::Subject("peer"), Limit::AtLeast(0.5)),
            target(Against::Case("fibra", |case| case.get("tasks") == 1), Limit::AtMost(1.5)),
            target(Against::Nothing, Limit::AtMost(2.0)),
        ],
    };

    /// Two cases; in the second one, a round has so many samples of fibra's and the peer's.
    fn measured(ours: &[f64], peer: &[f64]) -> Measured {
        let tables = vec![
            Table { case: &BENCH.cases[0], outcomes: vec![outcome(&OURS, &[1.0, 1.0, 1.0])] },
            Table { case: &BENCH.cases[1], outcomes: vec![outcome(&OURS, ours), outcome(&PEER, peer)] },
        ];
        Measured { bench: &BENCH, tables, skipped: Vec::new(), contention: None }
    }

    fn found(ours: &[f64], peer: &[f64]) -> Vec<Option<(f64, bool)>> {
        let verdicts = verdicts(&measured(ours, peer));
        verdicts
            .iter()
            .map(|verdict| Some((verdict.found.as_ref().ok()?.median, verdict.is_met()?)))
            .collect()
    }

    #[test]
    fn a_target_is_met_on_its_own_side_of_the_limit() {
        let found = found(&[1.0, 1.0, 1.0], &[4.0, 4.0, 4.0]);
        assert_eq!(found, [(0.25, true), (0.25, false), (1.0, true), (1.0, true)].map(Some));
    }

    #[test]
    fn a_target_is_met_when_only_its_interval_reaches_the_limit() {
        let found = found(&[0.9, 1.2, 1.2], &[2.0, 2.0, 2.0]);
        assert_eq!(found[..2], [(0.6, true), (0.6, true)].map(Some));
    }

    #[test]
    fn a_target_of_a_failed_subject_stays_open() {
        let mut measured = measured(&[1.0], &[]);
        measured.tables[1].outcomes[1].failure = Some("no memory".into());
        let verdicts = verdicts(&measured);
        assert_eq!(verdicts[0].found, Err("peer has no time (no memory)".into()));
        assert_eq!(Score::of(&verdicts), Score { met: 2, lost: 0, open: 2 });
    }
}
