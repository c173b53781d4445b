//! Left-overs of unfinished work, and names that name nothing.

use super::source::Source;
use super::{Finding, Rule};

const UNFINISHED_MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];
/// Put together, so that this line is none.
const MARK: &str = concat!("FIX", "ME");
const EMPTY_NAMES: [&str; 6] = ["util", "utils", "common", "misc", "helper", "helpers"];

pub fn check(source: &Source, findings: &mut Vec<Finding>) {
    for found in &source.facts.macros {
        if UNFINISHED_MACROS.contains(&found.name.as_str()) {
            let message = format!("`{}!` is left over", found.name);
            findings.push(source.finding(found.line, Rule::Leftover, message));
        }
    }
    for (index, _) in source.text.lines().enumerate().filter(|(_, line)| line.contains(MARK)) {
        findings.push(source.finding(index + 1, Rule::Leftover, format!("`{MARK}` is left over")));
    }
    for module in source.facts.modules.iter().filter(|module| EMPTY_NAMES.contains(&module.name.as_str())) {
        let message = format!("`{}` says nothing: name the module after what it holds", module.name);
        findings.push(source.finding(module.line, Rule::ModuleName, message));
    }
}
