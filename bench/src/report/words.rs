//! Figures, cases and targets in words.

use std::time::Duration;

use crate::bench::{Against, Case, Limit, Target};
use crate::contention::Contention;
use crate::results::Outcome;
use crate::statistics::Estimate;
use crate::verdict::{Score, Verdict};

/// Three significant digits, or all the integer ones: more would be noise.
pub fn figure(value: f64) -> String {
    match value.abs() {
        magnitude if magnitude >= 999.5 => grouped(value.round() as u64),
        magnitude if magnitude >= 99.95 => format!("{value:.0}"),
        magnitude if magnitude >= 9.995 => format!("{value:.1}"),
        magnitude if magnitude >= 0.0995 => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.4}"),
    }
}

/// `1234567` as `1,234,567`.
pub fn grouped(value: u64) -> String {
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

/// `in_flight=10000,workers=1` as `in flight 10,000 · workers 1`.
pub fn parameters(case: &Case) -> String {
    case.parameters().map(parameter).collect::<Vec<_>>().join(" · ")
}

/// `in_flight=10000` as `in flight 10,000`.
pub fn parameter((name, value): (&str, u64)) -> String {
    format!("{} {}", name.replace('_', " "), grouped(value))
}

/// `0.52 (0.50–0.55)`.
pub fn estimate(estimate: &Estimate) -> String {
    format!("{} ({}–{})", figure(estimate.median), figure(estimate.low), figure(estimate.high))
}

/// The ratio of a metric to that of the reference, whose own is no figure; empty where one of the two lacks the metric.
pub fn ratio(outcome: &Outcome, metric: &str, reference: &Outcome) -> String {
    if reference.subject.name == outcome.subject.name {
        return "1".to_owned();
    }
    outcome.ratio(metric, reference).as_ref().map_or_else(String::new, estimate)
}

/// What is wanted: `fibra future: time ≤ 0.25 × tokio`.
pub fn target(verdict: &Verdict) -> String {
    let Target { subject, metric, .. } = verdict.target;
    let (sign, limit) = match verdict.target.limit {
        Limit::AtMost(limit) => ('≤', limit),
        Limit::AtLeast(limit) => ('≥', limit),
    };
    match reference(verdict) {
        Some(reference) => {
            let limit = (limit * 1_000.0).round() / 1_000.0;
            format!("{subject}: {metric} {sign} {limit:?} × {reference}")
        }
        None => format!("{subject}: {metric} {sign} {} {}", figure(limit), verdict.unit),
    }
}

/// What a target is held against: `tokio`, or `fibra thread at tasks 1,000`.
pub fn reference(verdict: &Verdict) -> Option<String> {
    match verdict.target.against {
        Against::Nothing => None,
        Against::Subject(name) => Some(name.to_owned()),
        Against::Case(name, _) => {
            let other = verdict.other_case.map(|other| difference(other, verdict.case));
            Some(format!("{name} at {}", other.unwrap_or_default()))
        }
    }
}

/// The parameters of `case` that are others than those of `than`.
fn difference(case: &Case, than: &Case) -> String {
    let differs = |(name, value): &(&str, u64)| than.find(name) != Some(*value);
    case.parameters().filter(differs).map(parameter).collect::<Vec<_>>().join(" · ")
}

/// `met`, `lost` or `open`.
pub fn verdict(verdict: &Verdict) -> &'static str {
    match verdict.is_met() {
        Some(true) => "met",
        Some(false) => "lost",
        None => "open",
    }
}

/// `31 targets met, 2 lost, 1 open`.
pub fn score(score: Score) -> String {
    let Score { met, lost, open } = score;
    let noun = if met == 1 { "target" } else { "targets" };
    let left = if open == 0 { String::new() } else { format!(", {open} open") };
    format!("{met} {noun} met, {lost} lost{left}")
}

/// How long a bench took, and what else ran meanwhile.
pub fn contention(contention: &Contention) -> String {
    let Contention { others, stolen, elapsed } = contention;
    let stolen =
        if *stolen < 0.005 { String::new() } else { format!(", and other machines took {stolen:.2}") };
    format!("{}; meanwhile other processes kept {others:.2} cores busy{stolen}", duration(*elapsed))
}

/// `3 h 20 min`, `12 min 30 s` or `4.0 s`.
pub fn duration(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benches;

    #[test]
    fn figures_keep_three_digits() {
        let figures = [0.0, 0.0123, 1.234, 9.999, 12.34, 123.4, 12_345.6].map(figure);
        assert_eq!(figures, ["0", "0.0123", "1.23", "10.0", "12.3", "123", "12,346"]);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([7, 1_000, 100_000, 1_234_567].map(grouped), ["7", "1,000", "100,000", "1,234,567"]);
    }

    #[test]
    fn a_case_reads_as_words() {
        assert_eq!(
            parameters(&Case::new(&[("in_flight", 10_000), ("workers", 1)])),
            "in flight 10,000 · workers 1"
        );
    }

    static CASES: [Case; 2] =
        [Case::new(&[("tasks", 100_000), ("workers", 1)]), Case::new(&[("tasks", 1_000), ("workers", 1)])];

    #[test]
    fn a_target_says_who_what_and_against_whom() {
        let text = |against: Against, limit: Limit| {
            let target = Target { subject: "fibra", metric: "time", applies: |_| true, against, limit };
            self::target(&Verdict {
                bench: &benches::ALL[0],
                target: Box::leak(Box::new(target)),
                case: &CASES[0],
                other_case: Some(&CASES[1]),
                found: Err("not measured".into()),
                unit: "ns/task".into(),
            })
        };
        assert_eq!(text(Against::Subject("tokio"), Limit::AtMost(0.25)), "fibra: time ≤ 0.25 × tokio");
        assert_eq!(text(Against::Nothing, Limit::AtLeast(9_216.0)), "fibra: time ≥ 9,216 ns/task");
        let other_case = text(Against::Case("peer", |_| true), Limit::AtMost(1.0));
        assert_eq!(other_case, "fibra: time ≤ 1.0 × peer at tasks 1,000");
    }

    #[test]
    fn durations_are_as_exact_as_one_cares_for() {
        let durations = [4_040, 750_000, 12_000_000].map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(durations, ["4.0 s", "12 min 30 s", "3 h 20 min"]);
    }
}
