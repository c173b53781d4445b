//! Each `unsafe` is argued where it stands, and stands only where it must.

use super::facts::UnsafeKind;
use super::house::House;
use super::source::Source;
use super::{Finding, Rule};

pub fn check_arguments(source: &Source, findings: &mut Vec<Finding>) {
    for found in source.facts.unsafes.iter().filter(|found| !found.argued) {
        let states_contract = matches!(found.kind, UnsafeKind::Function | UnsafeKind::Trait);
        if states_contract && (found.in_test || !source.is_in_src()) {
            // Who calls it stands beside it: the blocks there say all.
            continue;
        }
        let message = match found.kind {
            UnsafeKind::Block => "an `unsafe` block without a `// SAFETY:` comment above it",
            UnsafeKind::Impl => "an `unsafe impl` without a `// SAFETY:` comment above it",
            UnsafeKind::Function => "an `unsafe fn` whose documentation has no `# Safety` section",
            UnsafeKind::Trait => "an `unsafe trait` whose documentation has no `# Safety` section",
        };
        findings.push(source.finding(found.line, Rule::Safety, message));
    }
}

/// On the upper floors only the modules that the table names hold `unsafe`.
pub fn check_places(house: &House<'_>, findings: &mut Vec<Finding>) {
    for module in house.tree.files.iter().filter(|module| !house.floors.may_be_unsafe(&module.path)) {
        for found in module.source.facts.unsafes.iter().filter(|found| !found.in_test) {
            let name = if module.path.is_empty() { "lib".to_owned() } else { module.path.join("::") };
            let message = format!("`{name}` holds no `unsafe`: the table of floors does not allow it here");
            findings.push(module.source.finding(found.line, Rule::UnsafePlace, message));
        }
    }
}
