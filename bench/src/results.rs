//! What was measured: benches, each with a table a case, each with an outcome a subject, each with a series a metric.

use std::time::Duration;

use crate::bench::{Bench, Case, Measurement, Subject};
use crate::contention::Contention;
use crate::statistics::{Estimate, paired_ratios};

/// One bench of a run, before, while and after it is measured.
pub struct Measured {
    /// Which bench.
    pub bench: &'static Bench,
    /// Its cases, in the bench's order.
    pub tables: Vec<Table>,
    /// Subjects that can't be measured on this machine, each with the reason.
    pub skipped: Vec<(&'static Subject, String)>,
    /// How much else the machine did meanwhile; `None` until the bench is measured.
    pub contention: Option<Contention>,
}

impl Measured {
    /// Who is measured in some case.
    pub fn subjects(&self) -> impl Iterator<Item = &'static Subject> {
        self.tables.iter().flat_map(|table| &table.outcomes).map(|outcome| outcome.subject)
    }
}

/// One case of a bench: what one table shows.
pub struct Table {
    /// The parameters.
    pub case: &'static Case,
    /// Who is measured, in the bench's order.
    pub outcomes: Vec<Outcome>,
}

impl Table {
    /// The outcome of the subject called `subject`.
    pub fn outcome(&self, subject: &str) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.subject.name == subject)
    }

    /// The metrics that occur, in the order in which they were first seen, with their units.
    pub fn metrics(&self) -> Vec<(&str, &str)> {
        let mut metrics: Vec<(&str, &str)> = Vec::new();
        for series in self.outcomes.iter().flat_map(|outcome| &outcome.series) {
            if !metrics.iter().any(|(metric, _)| *metric == series.metric) {
                metrics.push((&series.metric, &series.unit));
            }
        }
        metrics
    }
}

/// Everything that was measured about one subject under one set of parameters.
pub struct Outcome {
    /// Who is measured.
    pub subject: &'static Subject,
    /// One series for each metric; empty if no sample succeeded.
    pub series: Vec<Series>,
    /// Why there is no (further) sample, in the subject's own words.
    pub failure: Option<String>,
    /// In how many rounds it is to be measured.
    pub rounds: u32,
    /// In how many it was, whether with success or not.
    pub taken: u32,
    /// How long that took.
    pub spent: Duration,
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

impl Outcome {
    /// `subject`, which is to be measured so often.
    pub fn new(subject: &'static Subject, rounds: u32) -> Self {
        Self { subject, series: Vec::new(), failure: None, rounds, taken: 0, spent: Duration::ZERO }
    }

    /// How many more rounds it has.
    pub fn rounds_left(&self) -> u32 {
        if self.failure.is_some() { 0 } else { self.rounds - self.taken }
    }

    /// Adds what a round brought, which has `taken` so long.
    ///
    /// Every round has to bring the same metrics: samples of the same place belong to the same round, or ratios would be
    /// taken between different rounds.
    pub fn record(&mut self, sample: Result<Vec<Measurement>, String>, taken: Duration) {
        self.taken += 1;
        self.spent += taken;
        if let Err(reason) = sample.and_then(|measurements| self.add(measurements)) {
            self.failure = Some(reason);
        }
    }

    fn add(&mut self, measurements: Vec<Measurement>) -> Result<(), String> {
        let names = || measurements.iter().map(|measurement| measurement.metric.as_str());
        if self.series.is_empty() {
            self.series = measurements.iter().map(Series::new).collect();
        } else if !names().eq(self.series.iter().map(|series| series.metric.as_str())) {
            return Err(format!("round {} brought other metrics than the first", self.taken));
        }
        for (series, Measurement { value, .. }) in self.series.iter_mut().zip(measurements) {
            series.samples.push(value);
        }
        Ok(())
    }

    /// The samples of `metric`, if there are any.
    pub fn samples(&self, metric: &str) -> Option<&[f64]> {
        self.series.iter().find(|series| series.metric == metric).map(|series| &series.samples[..])
    }

    /// The ratio of `metric` to the same metric of `reference`, round by round.
    pub fn ratio(&self, metric: &str, reference: &Outcome) -> Option<Estimate> {
        Estimate::of(&paired_ratios(self.samples(metric)?, reference.samples(metric)?))
    }
}

impl Series {
    fn new(first: &Measurement) -> Self {
        Self { metric: first.metric.clone(), unit: first.unit.clone(), samples: Vec::new() }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// fibra, in tests of what is made of results.
    pub const OURS: Subject = Subject::new("fibra", "fibra", |_| Vec::new());
    /// The subject that it is held against.
    pub const PEER: Subject = Subject::new("peer", "peer", |_| Vec::new());

    /// An outcome of some subject whose metric `time` has these samples.
    pub fn outcome(subject: &'static Subject, samples: &[f64]) -> Outcome {
        let mut outcome = Outcome::new(subject, samples.len() as u32);
        for sample in samples {
            let measurement = Measurement::new("time", *sample, "ns/switch");
            outcome.record(Ok(vec![measurement]), Duration::from_millis(20));
        }
        outcome
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        let reference = outcome(&OURS, &[1.0, 10.0, 100.0]);
        let slower = outcome(&OURS, &[2.0, 20.0, 200.0]);
        let ratio = slower.ratio("time", &reference).expect("both have the metric");
        assert_eq!(ratio, Estimate { median: 2.0, low: 2.0, high: 2.0 });
        assert_eq!(slower.ratio("rate", &reference), None);
    }

    #[test]
    fn a_round_with_other_metrics_ends_the_series() {
        let mut outcome = outcome(&OURS, &[1.0]);
        outcome.record(Ok(vec![Measurement::new("rate", 1.0, "req/s")]), Duration::ZERO);
        assert_eq!(outcome.failure.as_deref(), Some("round 2 brought other metrics than the first"));
        assert_eq!(outcome.samples("time"), Some(&[1.0][..]));
    }

    #[test]
    fn a_failure_takes_the_rounds_that_are_left() {
        let mut outcome = Outcome::new(&OURS, 10);
        outcome.record(Ok(vec![]), Duration::ZERO);
        assert_eq!(outcome.rounds_left(), 9);
        outcome.record(Err("no memory".into()), Duration::ZERO);
        assert_eq!(outcome.rounds_left(), 0);
    }
}
