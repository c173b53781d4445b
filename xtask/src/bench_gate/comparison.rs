//! Counts beside those on record, and what follows from them.

use std::collections::BTreeMap;

use super::Count;
use super::record::Record;
use crate::workspace::Outcome;

/// How far a count may be from the one on record, either way. Runs differ by less than a thousandth of this; the rest is
/// for what a change elsewhere does to the compiler's choices.
const TOLERANCE: f64 = 0.03;

pub const HEADING: &str = "operation                       recorded     counted    change";

pub struct Comparison {
    recorded: BTreeMap<String, f64>,
    pub counts: Vec<Count>,
}

impl Comparison {
    pub fn with(record: Record) -> Comparison {
        Comparison { recorded: record.instructions, counts: Vec::new() }
    }

    /// Takes the next count up; returns its line of the table.
    pub fn add(&mut self, count: Count) -> String {
        let change = self.change(&count);
        let recorded = self.recorded.get(&count.name);
        let recorded = recorded.map_or_else(|| "-".to_owned(), |recorded| format!("{recorded:.1}"));
        let percent = change.map_or_else(|| "new".to_owned(), percent);
        let mark = if change.is_some_and(is_small) { "" } else { "  <--" };
        let line = format!("{:<28}{recorded:>12}{:>12.1}{percent:>10}{mark}", count.name, count.instructions);
        self.counts.push(count);
        line
    }

    /// By how much a count differs from the one on record, relative to that; `None` if there is none.
    fn change(&self, count: &Count) -> Option<f64> {
        self.recorded.get(&count.name).map(|recorded| (count.instructions - recorded) / recorded)
    }

    /// Passes if all counts are where the record has them. `differences` are those between the circumstances of the record
    /// and ours.
    pub fn verdict(&self, differences: &[String]) -> Outcome {
        let complaints = self.complaints();
        if complaints.is_empty() {
            println!("bench-gate: {} operations are where the record has them", self.counts.len());
            if !differences.is_empty() {
                println!("bench-gate: BUT THAT IS FROM OTHER CIRCUMSTANCES, see above: renew it");
            }
            return Ok(());
        }
        let advice = if differences.is_empty() {
            "if that is meant, renew the record in the commit that does it (`cargo xtask bench-gate --renew`); \
             `cargo xtask bench-gate --profile OPERATION` shows where instructions go"
                .to_owned()
        } else {
            format!(
                "but the record is from other circumstances, and they alone may have moved it: {}. Renew it for these \
                 with the sources as they were (`cargo xtask bench-gate --renew`), in a commit of its own",
                differences.join("; ")
            )
        };
        Err(format!("{}\n       {advice}", complaints.join("\n       ")).into())
    }

    fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for count in &self.counts {
            match self.change(count) {
                None => complaints.push(format!("{} is not on record", count.name)),
                Some(change) if !is_small(change) => {
                    let direction = if change > 0.0 { "more" } else { "fewer" };
                    let percent = percent(change.abs());
                    let percent = percent.trim_start_matches('+');
                    complaints.push(format!("{} takes {percent} {direction} instructions", count.name));
                }
                Some(_) => {}
            }
        }
        let is_counted = |name: &String| self.counts.iter().any(|count| count.name == *name);
        let gone = self.recorded.keys().filter(|name| !is_counted(name));
        complaints.extend(gone.map(|name| format!("{name} is on record, but there is no such operation")));
        complaints
    }
}

fn is_small(change: f64) -> bool {
    change.abs() <= TOLERANCE
}

fn percent(change: f64) -> String {
    // What rounds to nothing has no sign of its own: adding zero turns -0 into 0.
    let tenths = (change * 1000.0).round() + 0.0;
    format!("{:+.1} %", tenths / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of counts beside a record of 1,000 instructions for `spawn`.
    fn complaints(counts: &[(&str, f64)]) -> Vec<String> {
        let instructions = BTreeMap::from([("spawn".to_owned(), 1000.0)]);
        let mut comparison = Comparison::with(Record { instructions, ..Record::default() });
        for &(name, instructions) in counts {
            comparison.add(Count { name: name.to_owned(), about: String::new(), instructions });
        }
        assert_eq!(comparison.verdict(&[]).is_ok(), comparison.complaints().is_empty());
        comparison.complaints()
    }

    #[test]
    fn three_percent_either_way_are_allowed() {
        for instructions in [970.0, 1000.0, 1030.0] {
            assert_eq!(complaints(&[("spawn", instructions)]), [""; 0]);
        }
    }

    #[test]
    fn more_than_that_is_named_with_its_direction() {
        assert_eq!(complaints(&[("spawn", 1031.0)]), ["spawn takes 3.1 % more instructions"]);
        assert_eq!(complaints(&[("spawn", 800.0)]), ["spawn takes 20.0 % fewer instructions"]);
    }

    #[test]
    fn an_operation_must_be_both_on_record_and_counted() {
        let complaints = complaints(&[("yield", 100.0)]);
        let gone = "spawn is on record, but there is no such operation";
        assert_eq!(complaints, ["yield is not on record", gone]);
    }

    #[test]
    fn other_circumstances_neither_hide_a_move_nor_fail_without_one() {
        let instructions = BTreeMap::from([("spawn".to_owned(), 1000.0)]);
        let mut comparison = Comparison::with(Record { instructions, ..Record::default() });
        let differences = ["rustc was `1`, and is `2` here".to_owned()];
        let count = |instructions| Count { name: "spawn".to_owned(), about: String::new(), instructions };
        comparison.add(count(1000.0));
        assert!(comparison.verdict(&differences).is_ok());
        comparison.counts.clear();
        comparison.add(count(1100.0));
        let error = comparison.verdict(&differences).unwrap_err().to_string();
        assert!(error.starts_with("spawn takes 10.0 % more") && error.contains(&differences[0]), "{error}");
    }

    #[test]
    fn a_line_shows_both_counts_and_marks_a_move() {
        let instructions = BTreeMap::from([("spawn".to_owned(), 1000.0)]);
        let mut comparison = Comparison::with(Record { instructions, ..Record::default() });
        let line = |comparison: &mut Comparison, name: &str, instructions| {
            let line = comparison.add(Count { name: name.to_owned(), about: String::new(), instructions });
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line(&mut comparison, "spawn", 1010.0), "spawn 1000.0 1010.0 +1.0 %");
        assert_eq!(line(&mut comparison, "spawn", 900.0), "spawn 1000.0 900.0 -10.0 % <--");
        assert_eq!(line(&mut comparison, "spawn", 999.9), "spawn 1000.0 999.9 +0.0 %");
        assert_eq!(line(&mut comparison, "yield", 5.0), "yield - 5.0 new <--");
    }
}
