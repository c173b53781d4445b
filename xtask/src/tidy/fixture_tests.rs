//! `xtask/fixtures/violations` breaks every rule, `xtask/fixtures/clean` comes close to each without breaking it.
//!
//! A line that breaks a rule says so itself: `//~ rule` at its end, or `//~^ rule` on the line below it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Finding, inspect};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn found_in(root: &Path) -> Vec<Finding> {
    inspect(root).unwrap().1
}

/// `path:line rule` for each mark in the files below `folder`.
fn expected_in(root: &Path, folder: &str, expected: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if entry.file_type().unwrap().is_dir() {
            expected_in(root, &path, expected);
            continue;
        }
        for (index, line) in fs::read_to_string(entry.path()).unwrap().lines().enumerate() {
            let marks = line.split("~").skip(1);
            for mark in marks.filter(|mark| mark.starts_with([' ', '^'])) {
                let above = mark.starts_with('^');
                let rule = mark.trim_start_matches('^').split_whitespace().next().unwrap();
                expected.push(format!("{path}:{} {rule}", index + 1 - usize::from(above)));
            }
        }
    }
}

#[test]
fn every_violation_is_found_at_its_line_and_nothing_else() {
    let root = fixture("violations");
    let mut expected = Vec::new();
    expected_in(&root, "", &mut expected);
    expected.sort();
    let findings = found_in(&root);
    let mut found: Vec<String> = findings
        .iter()
        .map(|finding| format!("{}:{} {}", finding.path, finding.line, finding.rule.name()))
        .collect();
    found.sort();
    let missing: Vec<_> = expected.iter().filter(|line| !found.contains(line)).collect();
    let surplus: Vec<_> = found.iter().filter(|line| !expected.contains(line)).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "not found: {missing:#?}\nnot expected: {surplus:#?}");
    assert_eq!(found, expected);
}

#[test]
fn code_that_comes_close_to_every_rule_is_clean() {
    let findings: Vec<String> = found_in(&fixture("clean")).iter().map(Finding::to_string).collect();
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn a_cycle_is_shown_hop_by_hop() {
    let findings = found_in(&fixture("violations"));
    let cycle = findings.iter().find(|finding| finding.rule == super::Rule::Cycle).unwrap();
    assert_eq!(
        cycle.message,
        "imports go round: `net` imports `time` (runtime/src/net.rs:3), `time` imports `net` (runtime/src/time.rs:3)"
    );
}
