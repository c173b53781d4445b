//! Files and functions that one can read in one go.

use super::source::Source;
use super::{Finding, Rule};

/// A facade and its documentation.
const LIB_LINES: usize = 150;
const FILE_LINES: usize = 700;
/// From here on a file probably tells two stories.
const GROWING_LINES: usize = 450;
const FUNCTION_LINES: usize = 70;

pub fn check(source: &Source, findings: &mut Vec<Finding>) {
    let lines = source.line_count();
    if source.path.ends_with("src/lib.rs") && lines > LIB_LINES {
        let message =
            format!("{lines} lines in a lib.rs, which is facade and documentation: at most {LIB_LINES}");
        findings.push(source.finding(LIB_LINES + 1, Rule::Size, message));
    }
    if lines > FILE_LINES {
        let message = format!("{lines} lines in a file: at most {FILE_LINES}");
        findings.push(source.finding(FILE_LINES + 1, Rule::Size, message));
    } else if lines > GROWING_LINES {
        let message = format!("{lines} lines in a file: more than {GROWING_LINES} are rarely one story");
        findings.push(source.finding(GROWING_LINES + 1, Rule::Growing, message));
    }
    for function in source.facts.functions.iter().filter(|function| function.length > FUNCTION_LINES) {
        let message = format!("`{}` has {} lines: at most {FUNCTION_LINES}", function.name, function.length);
        findings.push(source.finding(function.line, Rule::Size, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules_of(path: &str, lines: usize) -> Vec<(usize, Rule)> {
        let source = Source::parse(path.to_owned(), "// line\n".repeat(lines)).unwrap();
        let mut findings = Vec::new();
        check(&source, &mut findings);
        findings.into_iter().map(|finding| (finding.line, finding.rule)).collect()
    }

    #[test]
    fn a_file_may_have_450_lines_then_is_warned_about_and_past_700_refused() {
        assert_eq!(rules_of("io/src/a.rs", 450), []);
        assert_eq!(rules_of("io/src/a.rs", 451), [(451, Rule::Growing)]);
        assert_eq!(rules_of("io/src/a.rs", 700), [(451, Rule::Growing)]);
        assert_eq!(rules_of("io/src/a.rs", 701), [(701, Rule::Size)]);
    }

    #[test]
    fn a_facade_may_have_150_lines() {
        assert_eq!(rules_of("io/src/lib.rs", 150), []);
        assert_eq!(rules_of("io/src/lib.rs", 151), [(151, Rule::Size)]);
    }
}
