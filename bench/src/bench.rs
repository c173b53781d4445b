//! What a bench is: a table of cases (parameters) and subjects (who is measured), plus one function for each subject.

use std::str::FromStr;
use std::{fmt, io};

/// One question put to several subjects under several parameters.
pub struct Bench {
    /// What it is called on the command line and in the output.
    pub name: &'static str,
    /// What is counted, in one line; it stands above the table.
    pub about: &'static str,
    /// The subject that ratios are taken against, named beforehand.
    pub reference: &'static str,
    /// The parameters, one set a table.
    pub cases: &'static [Case],
    /// Who is measured, in the order in which they take turns: fibra's own subjects first, then the peers.
    pub subjects: &'static [&'static [Subject]],
    /// What fibra wants to reach, each named before the run.
    pub targets: &'static [Target],
}

impl Bench {
    /// Every subject, in the order in which they take turns.
    pub fn subjects(&self) -> impl Iterator<Item = &'static Subject> + use<> {
        self.subjects.iter().copied().flatten()
    }
}

/// One set of parameters: names and values.
pub struct Case {
    parameters: &'static [(&'static str, u64)],
    /// Whether the case belongs only to the full grid, not to the one that ends in 40 minutes.
    pub full_only: bool,
    /// How many rounds it gets at most: a case whose figure hardly varies needs fewer.
    pub rounds_at_most: u32,
}

impl Case {
    /// A case of every run.
    pub const fn new(parameters: &'static [(&'static str, u64)]) -> Self {
        Self { parameters, full_only: false, rounds_at_most: u32::MAX }
    }

    /// A case of runs with `--full` alone.
    pub const fn full(parameters: &'static [(&'static str, u64)]) -> Self {
        Self { full_only: true, ..Self::new(parameters) }
    }

    /// The same case, measured so often at most.
    pub const fn rounds(self, at_most: u32) -> Self {
        Self { rounds_at_most: at_most, ..self }
    }

    /// The value of the parameter `name`.
    ///
    /// # Panics
    ///
    /// When the case has no such parameter: a bench asks only for what its own table holds.
    pub fn get(&self, name: &str) -> u64 {
        self.find(name).expect("a parameter of this bench")
    }

    /// The value of the parameter `name`, if the case has it.
    pub fn find(&self, name: &str) -> Option<u64> {
        self.parameters().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// [`get`](Self::get) for counts.
    pub fn count(&self, name: &str) -> usize {
        usize::try_from(self.get(name)).expect("a count fits the address space")
    }

    /// Whether the runner binds the whole sample to one core: where it is about one worker.
    ///
    /// Helper threads of a runtime (timers, blocking work, a garbage collector) then run on that core as well. So every
    /// subject has one core's work, whether it keeps to one thread or not, and the kernel moves none of them about in
    /// the middle of a sample. Cases with connections have a load generator, which places the server and itself.
    pub fn is_on_one_core(&self) -> bool {
        self.find("workers") == Some(1) && self.find("connections").is_none()
    }

    /// Every parameter with its value, in the table's order.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        self.parameters.iter().copied()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.parameters().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{name}={value}")?;
        }
        Ok(())
    }
}

/// One peer, or one way of using fibra.
pub struct Subject {
    /// What it is called in the output.
    pub name: &'static str,
    /// The package whose version belongs to its figures.
    pub package: &'static str,
    /// Takes one sample. It runs in a fresh process, so it may configure process-wide state.
    pub sample: fn(&Case) -> Vec<Measurement>,
    /// Whether the question makes sense for it under these parameters.
    pub applies: fn(&Case) -> bool,
    /// A program of the machine's that it can't do without; `package` then names it, for its version.
    pub needed: Option<&'static str>,
}

impl Subject {
    /// A subject that applies to every case.
    pub const fn new(
        name: &'static str,
        package: &'static str,
        sample: fn(&Case) -> Vec<Measurement>,
    ) -> Self {
        Self { name, package, sample, applies: |_| true, needed: None }
    }

    /// Whether it is one of fibra's own.
    pub fn is_ours(&self) -> bool {
        self.package.starts_with("fibra")
    }

    /// The same subject, for some cases only.
    pub const fn only(self, applies: fn(&Case) -> bool) -> Self {
        Self { applies, ..self }
    }

    /// The same subject, measured only where the machine has this program, one of those that [`programs`] knows.
    ///
    /// [`programs`]: crate::programs
    #[cfg(feature = "peers")]
    pub const fn needs(self, program: &'static str) -> Self {
        Self { needed: Some(program), ..self }
    }
}

/// A ratio that fibra wants to reach in one case, against somebody named beforehand.
pub struct Target {
    /// Whose figure.
    pub subject: &'static str,
    /// Which figure.
    pub metric: &'static str,
    /// In which cases.
    pub applies: fn(&Case) -> bool,
    /// What the figure is held against.
    pub against: Against,
    /// Where the ratio, or the figure itself, has to lie.
    pub limit: Limit,
}

/// What a figure is held against.
pub enum Against {
    /// The same metric of this subject, round by round.
    Subject(&'static str),
    /// The same metric of this subject in the case of the same bench that this selects.
    Case(&'static str, fn(&Case) -> bool),
    /// Nothing: the limit is in the metric's own unit.
    Nothing,
}

/// Where a ratio has to lie. The target is met when its bootstrap interval reaches into that range.
#[derive(Clone, Copy)]
pub enum Limit {
    /// Smaller is better.
    AtMost(f64),
    /// Larger is better.
    AtLeast(f64),
}

/// One figure of one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// What was measured, such as `time`.
    pub metric: String,
    /// The figure.
    pub value: f64,
    /// Its unit, such as `ns/switch`.
    pub unit: String,
}

impl Measurement {
    /// A figure with its name and unit.
    pub fn new(metric: &str, value: f64, unit: impl Into<String>) -> Self {
        Self { metric: metric.into(), value, unit: unit.into() }
    }
}

/// As a sample prints it: three words.
impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, self.value, self.unit)
    }
}

impl FromStr for Measurement {
    type Err = io::Error;

    fn from_str(line: &str) -> io::Result<Self> {
        let words: Vec<_> = line.split(' ').collect();
        let measurement = match words[..] {
            [metric, value, unit] => value.parse().ok().map(|value| Self::new(metric, value, unit)),
            _ => None,
        };
        measurement
            .ok_or_else(|| io::Error::other(format!("a sample printed `{line}`, which is no measurement")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_reads_back_from_the_line_that_it_is_printed_as() {
        let measurement = Measurement::new("time", 12.5, "ns/switch");
        assert_eq!(measurement.to_string(), "time 12.5 ns/switch");
        assert_eq!(measurement.to_string().parse::<Measurement>().expect("its own line"), measurement);
    }

    #[test]
    fn one_worker_has_one_core_unless_there_is_a_load_generator() {
        let is_on_one_core = |parameters| Case::new(parameters).is_on_one_core();
        assert!(is_on_one_core(&[("tasks", 1_000), ("workers", 1)]));
        assert!(!is_on_one_core(&[("tasks", 1_000), ("workers", 2)]));
        assert!(!is_on_one_core(&[("tasks", 1_000)]));
        assert!(!is_on_one_core(&[("connections", 64), ("workers", 1)]));
    }

    #[test]
    fn anything_else_is_refused() {
        for line in ["", "time", "time fast ns/switch", "time 1.0", "time 1.0 ns per switch"] {
            assert!(line.parse::<Measurement>().is_err(), "`{line}` was taken for a measurement");
        }
    }
}
