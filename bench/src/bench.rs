//! What a bench is: a table of cases (parameters) and subjects (who is measured), plus one function for each subject.

use std::fmt;

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
    /// Who is measured, in the order in which they take turns.
    pub subjects: &'static [Subject],
}

/// One set of parameters: names and values.
pub struct Case(pub &'static [(&'static str, u64)]);

impl Case {
    /// The value of the parameter `name`.
    ///
    /// # Panics
    ///
    /// When the case has no such parameter: a bench asks only for what its own table holds.
    pub fn get(&self, name: &str) -> u64 {
        self.parameters()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
            .expect("a parameter of this bench")
    }

    /// [`get`](Self::get) for counts.
    pub fn count(&self, name: &str) -> usize {
        usize::try_from(self.get(name)).expect("a count fits the address space")
    }

    /// Every parameter with its value, in the table's order.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        self.0.iter().copied()
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
}

impl Subject {
    /// A subject that applies to every case.
    pub const fn new(
        name: &'static str,
        package: &'static str,
        sample: fn(&Case) -> Vec<Measurement>,
    ) -> Self {
        Self { name, package, sample, applies: |_| true }
    }

    /// The same subject, for some cases only.
    pub const fn only(self, applies: fn(&Case) -> bool) -> Self {
        Self { applies, ..self }
    }
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
