//! Futures may be dropped at any time: the documentation of each says what is lost then.

use super::source::Source;
use super::{Finding, Rule};

/// The crate whose futures are for everybody.
const PLACE: &str = "runtime/src/";

pub fn check(source: &Source, findings: &mut Vec<Finding>) {
    if !source.path.starts_with(PLACE) || source.in_test {
        return;
    }
    for function in source.facts.functions.iter().filter(|function| function.is_silent_future) {
        let message = format!(
            "`{}` does not say what dropping its future does: by a section `# Cancellation`, or a sentence that begins with \
             \"Dropping\"",
            function.name
        );
        findings.push(source.finding(function.line, Rule::Cancellation, message));
    }
}
